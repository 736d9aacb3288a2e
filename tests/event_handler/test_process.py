"""The handler as a process on the real Kafka: killed, crashed and stopped, it loses nothing."""

from __future__ import annotations

import orjson
import pytest
from msgspec.structs import replace

from cli.state.pauses import let_go_on, read_pauses
from pipeline.kafka.admin import Admin
from pipeline.origin import Origin
from pipeline.records import OutRecord
from pipeline.settings import KafkaSettings
from tests.support.events import bet
from tests.support.fakes import first_of_each_origin, origin_of
from tests.support.kafka import eventually
from tests.support.processes import PARTITIONS, Worker, World

EACH = 1000
STAGE = "event_handler"


def source_records(partition: int) -> list[OutRecord]:
    """Bets under keys that are not their user's; every tenth record is malformed."""
    return [
        OutRecord(b"any", b"not json" if n % 10 == 9 else orjson.dumps(bet(n, f"u{n % 50}")))
        for n in range(partition * EACH, (partition + 1) * EACH)
    ]


@pytest.fixture
def filled(world: World) -> World:
    for partition in range(PARTITIONS):
        world.cluster.append(world.topics.generated, partition, source_records(partition))
    return world


def wait_until_all_is_committed(world: World, worker: Worker) -> None:
    wanted = world.ends(world.topics.generated)

    def done() -> bool:
        assert worker.is_running, worker.log.read_text()[-2000:]
        return world.committed(STAGE) == wanted

    eventually(done, 60)


def assert_all_came_out_once(world: World) -> None:
    """By the origin rule, over both topics, and each user in one partition."""
    found: list[Origin] = []
    homes: dict[bytes | None, set[int]] = {}
    for topic in (world.topics.incoming, world.topics.rejected):
        for partition, records in world.cluster.read(topic).items():
            effective = first_of_each_origin([record.out for record in records], partition)
            found += map(origin_of, effective)
            if topic == world.topics.incoming:
                for one in effective:
                    homes.setdefault(one.key, set()).add(partition)
    first = world.source_origin(0, 0)
    assert sorted(found) == [
        replace(first, partition=partition, offset=offset)
        for partition in range(PARTITIONS)
        for offset in range(EACH)
    ]
    assert {len(partitions) for partitions in homes.values()} == {1}
    assert len(homes) > PARTITIONS


def test_it_is_killed_in_the_middle_and_goes_on(filled: World) -> None:
    with filled.worker(STAGE) as worker:
        eventually(lambda: sum(filled.cluster.ends(filled.topics.incoming).values()) > 0, 60)
        worker.kill()
    with filled.worker(STAGE) as worker:
        wait_until_all_is_committed(filled, worker)
        assert worker.ends_on_sigterm() == 0
    assert_all_came_out_once(filled)


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ("after-outputs=raise:2", 1),
        pytest.param("after-outputs=exit:2", 137, marks=pytest.mark.slow),
        pytest.param("before-outputs=exit:3", 137, marks=pytest.mark.slow),
    ],
)
def test_it_crashes_between_its_steps_and_goes_on(filled: World, faults: str, status: int) -> None:
    with filled.worker(STAGE, faults) as worker:
        assert worker.ends() == status
    with filled.worker(STAGE) as worker:
        wait_until_all_is_committed(filled, worker)
    assert_all_came_out_once(filled)


def test_a_rejected_record_as_large_as_the_source_allows_is_kept(world: World) -> None:
    large = b"\x00" * 1_000_000
    world.cluster.append(world.topics.generated, 0, [OutRecord(b"k" * 1000, large)])
    with world.worker(STAGE):
        eventually(lambda: sum(world.cluster.ends(world.topics.rejected).values()) == 1, 60)
    (stored,) = world.cluster.read(world.topics.rejected)[0]
    assert (stored.key, stored.value) == (b"k" * 1000, large)


def test_in_a_flood_it_pauses_also_after_a_restart_until_a_person_lets_it_go_on(
    world: World,
) -> None:
    flood = [OutRecord(b"k", b"not json")] * 1_500
    world.cluster.append(world.topics.generated, 0, flood)
    with world.worker(STAGE) as worker:
        eventually(lambda: paused(world), 60)
        assert worker.ends_on_sigterm() == 0
    before = sum(world.cluster.ends(world.topics.rejected).values())
    with world.worker(STAGE) as worker:
        eventually(lambda: "paused: too many records" in worker.log.read_text(), 60)
        assert sum(world.cluster.ends(world.topics.rejected).values()) == before < len(flood)
        with Admin.connect(KafkaSettings(world.cluster.bootstrap)) as admin:
            let_go_on(admin, world.case, read_pauses(admin, world.case))
        wait_until_all_is_committed(world, worker)
        assert not paused(world)
    assert sum(world.cluster.ends(world.topics.rejected).values()) == len(flood)


def paused(world: World) -> object:
    with Admin.connect(KafkaSettings(world.cluster.bootstrap)) as admin:
        return read_pauses(admin, world.case)


def test_topics_that_are_not_as_they_must_be_are_refused_in_one_line(world: World) -> None:
    with world.worker(STAGE, PARTITIONS="3") as worker:
        assert worker.ends() == 3
    last = worker.log.read_text().splitlines()[-1]
    assert "has 2 partitions, not 3" in last
    assert "Traceback" not in worker.log.read_text()


def test_a_wrong_password_of_kafka_ends_it_at_once_and_is_named(
    world: World, kafka_by_login: str
) -> None:
    login = {"KAFKA_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_USERNAME": "me", "KAFKA_PASSWORD": "wrong"}
    with world.worker(STAGE, KAFKA=kafka_by_login, **login) as worker:
        assert worker.ends(20) == 3
    last = worker.log.read_text().splitlines()[-1]
    assert "refuses the login as 'me'. Set PIPELINE_KAFKA_USERNAME" in last


def test_it_can_be_stopped_while_it_waits_for_kafka(world: World) -> None:
    with world.worker(STAGE, KAFKA="127.0.0.1:1") as worker:
        eventually(lambda: "started" in worker.log.read_text())
        assert worker.ends_on_sigterm(10) == 0
