from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.structs import ConsumerRecord
from redis import Redis

from pipeline.topics import Topics
from pipeline.world import SourceRecord
from tests.cli.selfcheck.small_run import CASE, INCARNATION, SmallRun, ids_of, settings_of
from tests.faults.evidence import Evidence
from tests.faults.logs import Logs, Record, Topic


@pytest.fixture(scope="module")
def played(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A run that went well; no test changes it."""
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    settings = settings_of(tmp_path_factory.mktemp("run"), redis_url)
    return SmallRun(settings, ids_of(Topics.of(CASE))).play()


@pytest.fixture
def redis(played: SmallRun) -> Iterator[Redis]:
    """The run's Redis, which is put back as it was."""
    with Redis.from_url(played.settings.redis.url) as client:
        before = {key: client.dump(key) for key in client.scan_iter()}
        yield client
        client.flushall()
        for key, value in before.items():
            client.restore(key, 0, value)


@pytest.fixture
def evidence(played: SmallRun, tmp_path: Path) -> Evidence:
    """What the suite would read of that run, with files of its own."""
    shutil.copytree(played.settings.data_dir, tmp_path / "data")
    settings = replace(played.settings, data_dir=tmp_path / "data")
    good = {event.value for event in played.world.events()}
    logs = logs_of(played)
    source = [SourceRecord(record.key, record.value) for record in logs[played.topics.generated]]
    found = Evidence(played.case, settings, lambda record: record.value not in good, source)
    found.logs = logs
    found.source_log = f"{found.source.name}:{INCARNATION}"
    found.model = played.model
    return found


def logs_of(run: SmallRun) -> Logs:
    return {
        name: Topic(name, run.ids[name], {n: [*map(_record, log)] for n, log in logs.items()})
        for name, logs in run.logs.items()
    }


def _record(one: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(one.partition, one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
