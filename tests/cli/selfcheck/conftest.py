from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from pipeline.topics import Topics
from tests.cli.selfcheck.small_run import CASE, SmallRun, ids_of, settings_of


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
def run(played: SmallRun, tmp_path: Path) -> SmallRun:
    """The run with files of its own."""
    shutil.copytree(played.settings.data_dir, tmp_path / "data")
    settings = replace(played.settings, data_dir=tmp_path / "data")
    ends = {topic: dict(ends) for topic, ends in played.ends.items()}
    return replace(played, settings=settings, ends=ends)
