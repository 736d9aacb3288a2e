"""`pipeline rejected replay` on the real Kafka: each record once, whatever happens."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from redis import Redis

import use_cases
from cli.records.reading import TopicReader
from pipeline.declaration import UseCase
from pipeline.kafka.outputs import Outputs
from pipeline.records import InRecord, OutRecord, Target
from pipeline.settings import Settings
from pipeline.topics import SOURCE_MAX_BYTES, Topics, ledger_of
from tests.cli.helpers import Run, commanding
from tests.support.kafka import Cluster, eventually
from use_cases.first_day_churn import USE_CASE

COUNT = 1_300


@pytest.fixture
def case(topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """With a transactional id of its own as well."""
    own = replace(USE_CASE, name=topic_prefix.strip("-"), topic_prefix=topic_prefix)
    monkeypatch.setattr(use_cases, "load", lambda _name: own)
    return own


@pytest.fixture
def cluster(settings: Settings) -> Cluster:
    return Cluster(settings.kafka.bootstrap)


@pytest.fixture
def many(cluster: Cluster, topics: Topics) -> list[tuple[bytes | None, bytes | None]]:
    """Keys and values of records that were rejected; the last few stand there twice."""
    records = [rejection(n, b"user %d" % (n % 7), b"value %d" % n) for n in range(COUNT)]
    cluster.append(topics.rejected, 1, records + records[-5:])
    return [(one.key, one.value) for one in records]


def rejection(offset: int, key: bytes | None, value: bytes | None) -> OutRecord:
    headers = {"origin": f"topic/1/{offset}/0", "stage": "event_handler", "reason": "not_json"}
    return OutRecord(key, value, tuple((name, text.encode()) for name, text in headers.items()))


def write(settings: Settings, topic: str, records: list[OutRecord]) -> None:
    """With the handler's producer: kafka-python takes no record without both key and value."""

    async def write() -> None:
        outputs = Outputs(settings.kafka)
        await outputs.deliver({Target(topic, 0): records})
        await outputs.close()

    asyncio.run(write())


def replayed(settings: Settings, topic: str) -> list[InRecord]:
    """What a reader of the source finds there."""
    with TopicReader.connect(settings.kafka, topic) as reader:
        return list(reader.between(reader.starts(), reader.ends()))


def pairs(records: list[InRecord]) -> Counter[tuple[bytes | None, bytes | None]]:
    return Counter((one.key, one.value) for one in records)


@pytest.mark.usefixtures("many")
def test_a_dry_run_counts_and_sends_nothing(
    run: Run, cluster: Cluster, topics: Topics, case: UseCase
) -> None:
    words = run("rejected", "replay").words
    assert "event_handler │ not_json │ 1,300 │ 1,300 │ 0 │ 0 │ 0" in words
    assert "nothing was sent; --send replays 1300 records" in words
    assert sum(cluster.ends(topics.generated).values()) == 0
    assert cluster.ends(ledger_of(case)) == {}


def test_each_comes_once_with_its_key_and_value_and_whence_it_came(
    run: Run, settings: Settings, topics: Topics, many: list[tuple[bytes | None, bytes | None]]
) -> None:
    ended = run("rejected", "replay", "--send")
    assert (ended.status, "1300 records were replayed" in ended.words) == (0, True)
    found = replayed(settings, topics.generated)
    assert pairs(found) == Counter(many)
    assert {one.headers for one in found} == {
        (("replay-of", b"topic/1/%d/0" % n),) for n in range(COUNT)
    }
    for key in {key for key, _ in many}:
        assert [one.value for one in found if one.key == key] == [v for k, v in many if k == key]


def test_run_again_it_sends_nothing_also_after_redis_lost_everything(
    run: Run, settings: Settings, topics: Topics, many: list[tuple[bytes | None, bytes | None]]
) -> None:
    run("rejected", "replay", "--send")
    with Redis.from_url(settings.redis.url) as client:
        client.flushall()
    assert "0 records were replayed" in run("rejected", "replay", "--send").words
    assert "│ 1,300 │ 0 │ 1,300 │" in run("rejected", "replay").words
    assert pairs(replayed(settings, topics.generated)) == Counter(many)


@pytest.mark.parametrize("point", ["before-replay-commit", "after-replay-commit"])
def test_killed_in_the_middle_and_run_again_each_comes_once(
    run: Run,
    settings: Settings,
    topics: Topics,
    case: UseCase,
    many: list[tuple[bytes | None, bytes | None]],
    point: str,
) -> None:
    with process(case, settings, f"{point}=exit:2") as killed:
        assert killed.wait(60) == 137
    assert 0 < len(replayed(settings, topics.generated)) < COUNT
    assert run("rejected", "replay", "--send").status == 0
    assert pairs(replayed(settings, topics.generated)) == Counter(many)


def test_of_two_at_once_the_later_one_goes_on_and_each_comes_once(
    run: Run,
    settings: Settings,
    topics: Topics,
    case: UseCase,
    many: list[tuple[bytes | None, bytes | None]],
) -> None:
    with process(case, settings, "", "--rate", "100") as slow:
        eventually(lambda: replayed(settings, topics.generated), 60)
        assert run("rejected", "replay", "--send").status == 0
        assert slow.wait(60) == 1
        assert b"another replay has begun" in slow.communicate()[1]
    assert pairs(replayed(settings, topics.generated)) == Counter(many)


def test_a_null_key_and_a_null_value_are_replayed_as_such(
    run: Run, settings: Settings, topics: Topics
) -> None:
    write(settings, topics.rejected, [rejection(0, None, None), rejection(1, b"", b"")])
    run("rejected", "replay", "--send")
    assert pairs(replayed(settings, topics.generated)) == Counter([(None, None), (b"", b"")])


def test_what_the_source_does_not_take_is_said_and_left_out(
    run: Run, settings: Settings, topics: Topics, cluster: Cluster
) -> None:
    large = b"x" * (SOURCE_MAX_BYTES - 100)
    cluster.append(topics.rejected, 0, [rejection(0, None, large), rejection(1, None, b"small")])
    assert "event_handler │ not_json │ 2 │ 1 │ 0 │ 1 │ 0" in run("rejected", "replay").words
    assert run("rejected", "replay", "--send").status == 0
    assert pairs(replayed(settings, topics.generated)) == Counter([(None, b"small")])


@pytest.mark.usefixtures("topics")
def test_where_nothing_was_rejected_nothing_is_replayed(run: Run) -> None:
    assert run("rejected", "replay", "--send").output == "nothing of that kind was rejected\n"


def test_a_time_that_is_none_is_wrong_usage(run: Run) -> None:
    assert run("rejected", "replay", "--since", "yesterday").status == 2


@pytest.mark.usefixtures("many")
def test_what_was_rejected_before_a_day_is_chosen_by_its_date(run: Run) -> None:
    assert "1300 records" in run("rejected", "replay", "--until", "2999-01-01").words
    assert "nothing of that kind" in run("rejected", "replay", "--since", "2999-01-01").words


@pytest.mark.usefixtures("topics")
def test_where_the_handler_does_not_read_the_source_a_replay_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_SOURCES", "elsewhere")
    ended = run("rejected", "replay")
    assert (ended.status, "PIPELINE_SOURCES does not name it" in ended.errors) == (3, True)


def process(
    case: UseCase, settings: Settings, faults: str, *arguments: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The command with --send in a process of its own."""
    return commanding("replay_main", settings, faults, case.topic_prefix, *arguments)
