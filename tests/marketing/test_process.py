"""Marketing as a process on the real Kafka and Redis: one decision for each occasion."""

from __future__ import annotations

import orjson
import pytest

from marketing.core import STAGE
from marketing.remembering import KIND
from pipeline.offers.contacts import install
from pipeline.records import OutRecord
from pipeline.topics import offers_of
from tests.marketing.rig import inference
from tests.support.events import NOON, caused_by
from tests.support.fakes import first_of_each_origin
from tests.support.processes import PARTITIONS, World

SCORES, USERS = 1_000, 100


@pytest.fixture
def filled(world: World) -> World:
    """`inferences` of users, each several times over the threshold, and a table of them all."""
    header = "user_id,email,time_zone,consent,self_excluded,harm\n"
    rows = "".join(
        f"u{n},u{n}@example.com,UTC,yes,no,{'yes' if n % 10 == 3 else 'no'}\n" for n in range(USERS)
    )
    table = world.directory / "contacts.csv"
    table.write_text(header + rows)
    install(table, world.directory / "lookups", world.name, "user_id")
    for partition in range(PARTITIONS):
        log = [score(n) for n in range(SCORES) if n % PARTITIONS == partition]
        world.cluster.append(world.topics.inferences, partition, [*log, log[-1]])
    return world


def score(n: int) -> OutRecord:
    user = f"u{n % USERS}"
    return OutRecord(user.encode(), orjson.dumps(inference(user, at=NOON + n)), caused_by(n))


def assert_each_was_decided_once(world: World) -> None:
    decided: dict[str, str | None] = {}
    for partition, records in world.cluster.read(offers_of(world.case)).items():
        for record in first_of_each_origin([one.out for one in records], partition):
            found = orjson.loads(record.value or b"")
            assert found["user_id"] not in decided
            decided[found["user_id"]] = found["reason"]
    assert decided.keys() == {f"u{n}" for n in range(USERS)}
    harmed = {f"u{n}" for n in range(USERS) if n % 10 == 3}
    assert {user for user, reason in decided.items() if reason == "harm"} == harmed
    assert set(decided.values()) == {None, "harm", "hold_out"}


def test_it_is_killed_in_the_middle_and_goes_on(filled: World) -> None:
    filled.kill_in_the_middle(STAGE, KIND, filled.topics.inferences)
    assert_each_was_decided_once(filled)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "status"), [("after-outputs=raise:2", 1), ("after-outputs=exit:3", 137)]
)
def test_it_crashes_between_its_steps_and_goes_on(filled: World, faults: str, status: int) -> None:
    filled.crash(STAGE, KIND, filled.topics.inferences, faults, status)
    assert_each_was_decided_once(filled)
