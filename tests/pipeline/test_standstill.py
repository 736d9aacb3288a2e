"""A client that will never read again is told from a quiet topic, and from an outage."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from pipeline.errors import Fatal
from pipeline.kafka.standstill import CONFIRM_SECONDS, QUIET_SECONDS, Orphans, Standstill

PLACE = TopicPartition("t", 3)


@dataclass
class Client:
    """As much of a consumer as is looked at."""

    end: int = 0
    is_member: bool = True
    answers: bool = True
    asked: int = 0
    _subscription: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(subscription=None)
    )

    @property
    def _coordinator(self) -> SimpleNamespace:
        return SimpleNamespace(need_rejoin=lambda _: not self.is_member)

    async def end_offsets(self, wanted: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked += 1
        if not self.answers:
            raise KafkaConnectionError
        return dict.fromkeys(wanted, self.end)


@dataclass
class Watched:
    """A client, looked on at with a clock of our own."""

    client: Client
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.standstill = Standstill(self.client, ["t"], now=lambda: self.seconds)

    async def polls(self, seconds: float, places: dict[TopicPartition, int]) -> None:
        """Poll for so long at a second's pace, and read nothing."""
        for _ in range(int(seconds)):
            self.seconds += 1
            await self.standstill.none_read(places)


async def test_a_quiet_topic_is_no_standstill() -> None:
    watched = Watched(Client(end=5))
    await watched.polls(600, {PLACE: 5})
    assert 0 < watched.client.asked <= 600 / CONFIRM_SECONDS


async def test_the_broker_is_not_asked_while_records_come() -> None:
    watched = Watched(Client(end=5))
    for _ in range(10):
        await watched.polls(QUIET_SECONDS - 1, {PLACE: 2})
        watched.standstill.read()
    assert watched.client.asked == 0


async def test_records_that_are_there_and_never_come_are_a_standstill() -> None:
    watched = Watched(Client(end=5))
    with pytest.raises(Fatal, match="1 partitions are behind"):
        await watched.polls(QUIET_SECONDS + CONFIRM_SECONDS + 2, {PLACE: 4})


async def test_records_that_have_come_only_now_are_none() -> None:
    watched = Watched(Client(end=5))
    await watched.polls(QUIET_SECONDS + CONFIRM_SECONDS - 2, {PLACE: 5})
    watched.client.end = 6
    await watched.polls(3, {PLACE: 5})
    watched.standstill.read()
    await watched.polls(QUIET_SECONDS, {PLACE: 6})


async def test_a_group_that_is_never_joined_again_is_a_standstill() -> None:
    watched = Watched(Client(is_member=False))
    with pytest.raises(Fatal, match="not joined"):
        await watched.polls(QUIET_SECONDS + CONFIRM_SECONDS + 2, {})


async def test_a_member_without_a_partition_is_none() -> None:
    await Watched(Client(end=5)).polls(600, {})


async def test_a_rebalance_in_between_is_none() -> None:
    watched = Watched(Client(is_member=False))
    await watched.polls(QUIET_SECONDS + 5, {})
    watched.client.is_member = True
    await watched.polls(CONFIRM_SECONDS, {})


async def test_an_outage_is_waited_for() -> None:
    watched = Watched(Client(end=5, is_member=False, answers=False))
    await watched.polls(600, {PLACE: 2})


@dataclass
class Looks:
    """A look at the group every ten seconds."""

    at: float = 0.0
    orphans: Orphans = field(init=False)

    def __post_init__(self) -> None:
        self.orphans = Orphans(lambda: self.at)

    def see(self, *partitions: TopicPartition) -> bool:
        self.at += 10
        return self.orphans.seen(partitions)


def test_partitions_that_are_nobodys_twice_are_to_be_assigned_anew() -> None:
    looks = Looks()
    assert [looks.see(), looks.see(PLACE), looks.see(PLACE)] == [False, False, True]


def test_partitions_that_are_nobodys_for_a_moment_are_left() -> None:
    looks = Looks()
    assert [looks.see(PLACE), looks.see(), looks.see(PLACE)] == [False, False, False]


def test_it_says_whether_partitions_are_nobodys() -> None:
    looks = Looks()
    states = []
    for partitions in ((), (PLACE,), ()):
        looks.see(*partitions)
        states.append(bool(looks.orphans))
    assert states == [False, True, False]


def test_partitions_that_are_nobodys_for_a_minute_are_a_standstill() -> None:
    looks = Looks()
    for _ in range(6):
        looks.see(PLACE)
    with pytest.raises(Fatal, match=r"no member of the group has 1 partitions: t/3"):
        looks.see(PLACE)
