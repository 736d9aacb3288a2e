"""Two handlers on one group: of one name the older ends, and by default each has its own."""

from __future__ import annotations

from pipeline.kafka.admin import Admin
from pipeline.settings import KafkaSettings
from pipeline.topics import group_of
from tests.support.kafka import eventually
from tests.support.processes import World

STAGE = "event_handler"


def members(world: World) -> set[str]:
    """The names in the handler's group."""
    group = group_of(world.case, STAGE)
    with Admin.connect(KafkaSettings(world.cluster.bootstrap)) as admin:
        return set(admin.members((group,)).get(group, ()))


def test_of_two_workers_of_one_name_the_older_ends_and_says_which_name(world: World) -> None:
    with world.worker(STAGE) as older:
        eventually(lambda: members(world), 60)
        with world.worker(STAGE) as newer:
            assert older.ends(30) == 3
            assert f"{STAGE}-only" in older.log.read_text()
            assert newer.ends_on_sigterm(10) == 0


def test_two_workers_that_nobody_named_have_names_of_their_own(world: World) -> None:
    with world.worker(STAGE, INSTANCE="") as one, world.worker(STAGE, INSTANCE="") as other:
        eventually(lambda: len(members(world)) == 2, 60)
        assert [one.ends_on_sigterm(10), other.ends_on_sigterm(10)] == [0, 0]
