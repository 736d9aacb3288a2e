"""`pipeline rebuild` on the real Kafka and Redis, with workers as processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

import pytest
from kafka import KafkaAdminClient
from redis import Redis

import use_cases
from cli import new_epoch
from inference_logger.service import STAGE as LOGGER
from pipeline.control import erase_record
from pipeline.keys import FEATURES, Keys
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from stream_features.core import STAGE as FOLDER
from tests.cli.helpers import Run
from tests.support.events import NOON, SECOND, bet, caused_by, log_of, purchase
from tests.support.kafka import eventually
from tests.support.processes import PARTITIONS, World

USERS = [f"u{n}" for n in range(9)]


@pytest.fixture
def command(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line on the world."""
    monkeypatch.setattr(use_cases, "load", lambda _name: world.case)
    return run


def handle(world: World, first: int, last: int, partitions: int = PARTITIONS) -> None:
    """What the handler makes of the events `first` to `last`; one user is erased in between."""
    parts: dict[int, list[OutRecord]] = {number: [] for number in range(partitions)}
    for n in range(first, last):
        user, at = USERS[n % len(USERS)], NOON + n * SECOND
        (made,) = log_of([purchase(n, user, at) if n < len(USERS) else bet(n, user, at)])
        record = OutRecord(made.key, made.value, caused_by(n))
        parts[partition_of(user.encode(), partitions)].append(record)
    parts[partition_of(b"u8", partitions)].insert(5, erase_record("u8"))
    for number, records in parts.items():
        world.cluster.append(world.topics.incoming, number, records)


def work(world: World, **settings: str) -> None:
    """Let features and log come to the end."""
    partitions = int(settings.get("PARTITIONS", PARTITIONS))
    with world.worker(FOLDER, **settings) as folder, world.worker(LOGGER, **settings) as logger:

        def done() -> bool:
            assert folder.is_running, folder.log.read_text()[-2000:]
            assert logger.is_running, logger.log.read_text()[-2000:]
            ends = world.cluster.ends(world.topics.incoming)
            logged = world.committed(LOGGER)
            return all(
                offset_of(world, number) == ends[number] - 1
                and logged.get((world.topics.incoming, number), 0) >= ends[number]
                for number in range(partitions)
                if ends[number]
            )

        eventually(done, 60)
        assert (folder.ends_on_sigterm(), logger.ends_on_sigterm()) == (0, 0)


def offset_of(world: World, partition: int) -> int | None:
    with Redis.from_url(world.redis) as client:
        offset = client.hget(Keys(world.name, FEATURES).marker(partition), "offset")
    return None if offset is None else int(offset)


def lose_everything(world: World) -> None:
    """Redis what it holds of this use case, Kafka most of its records."""
    with Redis.from_url(world.redis) as client:
        for key in client.scan_iter(match=f"{world.name}:*"):
            client.delete(key)
    for number, end in world.cluster.ends(world.topics.incoming).items():
        world.cluster.delete_records(world.topics.incoming, number, end - 3)


def held(world: World, partitions: int) -> Mapping[str, Mapping[bytes, bytes]]:
    """Every entity's hash, whatever its partition."""
    keys, found = Keys(world.name, FEATURES), {}
    with Redis.from_url(world.redis) as client:
        for number in range(partitions):
            generation = client.hget(keys.marker(number), "generation") or b""
            prefix = keys.prefix(number, generation.decode())
            for key in client.scan_iter(match=f"{prefix}*"):
                found[key.decode().removeprefix(prefix)] = client.hgetall(key)
    return found


def test_what_redis_and_kafka_lost_is_built_from_parquet(world: World, command: Run) -> None:
    handle(world, 0, 90)
    work(world)
    before = held(world, PARTITIONS)
    lose_everything(world)
    with world.worker(FOLDER) as folder:
        assert folder.ends() == 3
    assert "Run `pipeline rebuild` to build" in folder.log.read_text().splitlines()[-1]
    ended = command("rebuild", "features")
    assert (ended.status, ended.errors) == (0, "")
    assert "features 0:" in ended.output
    assert "no marker; building" in ended.output
    assert "now marker at" in ended.output
    handle(world, 90, 120)
    work(world)
    assert counts(held(world, PARTITIONS)) == bets_after(before, 90, 120)


def counts(entities: Mapping[str, Mapping[bytes, bytes]]) -> dict[str, int]:
    """How many bets of each user count; of the erased one, whose first purchase is gone, none."""
    return {name: int(one[b"bet_count"]) for name, one in entities.items()}


def bets_after(
    before: Mapping[str, Mapping[bytes, bytes]], first: int, last: int
) -> dict[str, int]:
    """The same after the events `first` to `last`, which are all bets."""
    more = Counter(USERS[n % len(USERS)] for n in range(first, last))
    return {**{name: one + more[name] for name, one in counts(before).items()}, "u8": 0}


@pytest.mark.slow
def test_more_partitions_need_a_new_epoch(
    world: World, command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle(world, 0, 90)
    work(world)
    before = held(world, PARTITIONS)
    grow(world, 4)
    with world.worker(FOLDER, PARTITIONS="4") as folder:
        assert folder.ends() == 3
    assert "`pipeline rebuild --new-epoch`" in folder.log.read_text().splitlines()[-1]
    assert "`pipeline rebuild --new-epoch`" in command("rebuild").errors
    monkeypatch.setenv("PIPELINE_PARTITIONS", "4")
    assert "had 2 partitions when it was logged, now 4" in command("rebuild").errors
    refused = command("rebuild", "--new-epoch", stdin=b"n\n")
    assert (refused.status, refused.errors) == (1, "pipeline: nothing was changed\n")
    ended = command("rebuild", "--new-epoch", "--yes")
    assert (ended.status, ended.errors) == (0, "")
    assert held(world, 4) == before
    handle(world, 90, 120, partitions=4)
    work(world, PARTITIONS="4")
    assert counts(held(world, 4)) == bets_after(before, 90, 120)


def grow(world: World, partitions: int) -> None:
    client = KafkaAdminClient(bootstrap_servers=world.cluster.bootstrap)
    try:
        client.create_partitions(dict.fromkeys(world.topics.ours, partitions))
    finally:
        client.close()
    for topic in world.topics.ours:
        eventually(partial(has_grown, world, topic, partitions))


def has_grown(world: World, topic: str, partitions: int) -> bool:
    return len(world.cluster.ends(topic)) == partitions


@pytest.mark.slow
def test_a_new_epoch_waits_for_workers_and_then_refuses(
    world: World, command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_epoch, "_LEAVING_SECONDS", 0)
    with world.worker(FOLDER) as folder:
        eventually(lambda: "joined" in folder.log.read_text() or world.committed(FOLDER), 60)
        ended = command("rebuild", "--new-epoch", "--yes")
    assert ended.status == 3
    assert f"workers are running: {world.name}-{FOLDER}-only" in ended.errors


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "arguments", [("features", "--new-epoch"), ("--partition", "0", "--new-epoch"), ("models",)]
)
def test_what_does_not_fit_together_is_wrong_usage(command: Run, arguments: list[str]) -> None:
    assert command("rebuild", *arguments).status == 2


def test_a_partition_that_does_not_exist_is_wrong_usage(command: Run) -> None:
    ended = command("rebuild", "--partition", str(PARTITIONS))
    assert ended.status == 2
    assert "there are 2 partitions" in ended.errors


@pytest.mark.slow
def test_without_a_change_no_epoch_begins(world: World, command: Run) -> None:
    handle(world, 0, 30)
    work(world)
    before = held(world, PARTITIONS)
    ended = command("rebuild", "--new-epoch")
    assert (ended.status, ended.errors) == (0, "")
    assert "no topic needs a new epoch" in ended.output
    assert held(world, PARTITIONS) == before
