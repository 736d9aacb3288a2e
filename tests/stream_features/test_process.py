"""The feature stage as a process on the real Kafka and Redis: Redis equals the fold in the end."""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson
import pytest

from pipeline.control import erase_record, lookup_record
from pipeline.keys import FEATURES
from pipeline.lookups import LookupTables, install
from pipeline.origin import Origin
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from pipeline.state import StateCodec
from stream_features.core import STAGE
from tests.support.events import NOON, SECOND, bet, caused_by, purchase, registration, win
from tests.support.fakes import first_of_each_origin, origin_of
from tests.support.processes import PARTITIONS, World
from tests.support.stages import INDEX, Folded, straight_fold

EVENTS = 2000
USERS = 60


def events() -> Iterator[OutRecord]:
    """A small world in the order of its source: registrations, purchases, then bets and wins."""
    draw = random.Random(5)
    for n in range(EVENTS):
        user = f"u{n % USERS if n < 2 * USERS else draw.randrange(USERS)}"
        at = NOON + n * 90 * SECOND
        if n < USERS:
            content = registration(user, at, postcode=10_000 + n)
        elif n < 2 * USERS:
            content = purchase(draw.uniform(30, 70), user, at)
        else:
            make = draw.choice([bet, bet, bet, win, purchase])
            name = f"e{draw.randrange(EVENTS)}" if n % 3 else None
            content = make(draw.uniform(1, 20), user, at, event_id=name)
        yield OutRecord(user.encode(), orjson.dumps(content), caused_by(n))


@pytest.fixture
def filled(world: World) -> World:
    """`incoming-events` with lookups, an erased user, a replay and a record that is no event."""
    table = world.directory / "table.csv"
    rows = "".join(f"{10_000 + n},{n / 7}\n" for n in range(40))
    table.write_text(f"postcode,socioeconomic_idx\n{rows}")
    version = install(table, world.directory / "lookups", world.case, INDEX)
    logs: list[list[OutRecord]] = [[lookup_record(INDEX, version)] for _ in range(PARTITIONS)]
    for record in events():
        logs[partition_of(record.key or b"", PARTITIONS)].append(record)
    logs[partition_of(b"u3", PARTITIONS)].insert(500, erase_record("u3"))
    logs[0] += [logs[0][300], OutRecord(b"u1", b"not json", caused_by(EVENTS))]
    for partition, log in enumerate(logs):
        world.cluster.append(world.topics.incoming, partition, log)
    return world


def fold_of(world: World) -> list[Folded]:
    """What each partition comes to, from the log as it is stored."""
    topic = world.topics.incoming
    tables = LookupTables(world.directory / "lookups", world.case)
    topic_id = world.topic_id(topic)
    return [
        straight_fold(records, world.case, topic_id, tables.table)
        for _, records in sorted(world.logged(topic).items())
    ]


def assert_redis_and_outputs_are_the_fold_s(world: World) -> None:
    folded = fold_of(world)
    fields = [name.encode() for name in StateCodec(world.case).fields]
    expected = {
        entity: dict(zip(fields, values, strict=False))
        for one in folded
        for entity, values in one.entities.items()
    }
    assert world.entities(FEATURES) == expected
    for partition, records in world.cluster.read(world.topics.features).items():
        asked = [one.out for one in records if dict(one.headers).get("kind") != b"control"]
        effective = first_of_each_origin(asked, partition)
        found = [(origin_of(one), (one.key or b"").decode()) for one in effective]
        assert found == folded[partition].scored


def erasures(world: World) -> list[Origin]:
    return [
        origin_of(one.out)
        for records in world.cluster.read(world.topics.features).values()
        for one in records
        if dict(one.headers).get("kind") == b"control"
    ]


def test_it_is_killed_in_the_middle_and_goes_on(filled: World) -> None:
    filled.kill_in_the_middle(STAGE, FEATURES, filled.topics.incoming)
    assert filled.committed(STAGE) == filled.ends(filled.topics.incoming)
    assert_redis_and_outputs_are_the_fold_s(filled)
    assert len(set(erasures(filled))) == 1


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ("after-outputs=raise:2", 1),
        pytest.param("after-outputs=exit:3", 137, marks=pytest.mark.slow),
        pytest.param("after-write=exit:2", 137, marks=pytest.mark.slow),
    ],
)
def test_it_crashes_between_its_steps_and_goes_on(filled: World, faults: str, status: int) -> None:
    filled.crash(STAGE, FEATURES, filled.topics.incoming, faults, status)
    assert_redis_and_outputs_are_the_fold_s(filled)
