"""A topic that members of one group read through the feed, and a stage that says from where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pipeline.kafka.feed import Batch, Feed, Member
from pipeline.kafka.fetching import AT_ONCE
from pipeline.kafka.positions import Log
from pipeline.records import OutRecord
from pipeline.settings import KafkaSettings
from tests.support.kafka import Cluster

SECONDS = 30
Place = tuple[str, int]


@dataclass
class Positions:
    """Answers where to read on, after raising what it was told to; remembers what it was asked."""

    answers: dict[int, int] = field(default_factory=dict)
    raising: list[Exception] = field(default_factory=list)
    asked: list[Log] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    before_answer: Callable[[], object] = lambda: None
    shut: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.gate.set()

    async def flush(self) -> None:
        pass

    async def position(self, log: Log) -> int | None:
        self.asked.append(log)
        if log.partition in self.shut:
            return None
        await self.gate.wait()
        if self.raising:
            raise self.raising.pop(0)
        self.before_answer()
        return self.answers.get(log.partition, log.start)


@dataclass
class Reading:
    """A topic with numbered records, and members of one group that read it."""

    cluster: Cluster
    topic: str
    topic_id: str
    group: str

    def feed(
        self,
        positions: Positions,
        instance: str = "a",
        max_records: int = 1000,
        fetching: Mapping[str, int] = AT_ONCE,
    ) -> Feed:
        return Feed(
            KafkaSettings(self.cluster.bootstrap),
            member=Member([self.topic], self.group, instance),
            positions=positions,
            max_records=max_records,
            fetching=fetching,
        )

    @asynccontextmanager
    async def member(
        self,
        positions: Positions,
        instance: str = "a",
        max_records: int = 1000,
        fetching: Mapping[str, int] = AT_ONCE,
    ) -> AsyncIterator[Feed]:
        feed = self.feed(positions, instance, max_records, fetching)
        await feed.start()
        try:
            yield feed
        finally:
            await feed.stop()

    def append(self, partition: int, *numbers: int) -> None:
        self.cluster.append(self.topic, partition, [OutRecord(None, b"%d" % n) for n in numbers])


Make = Callable[[int], Reading]


async def polled(feed: Feed, enough: Callable[[list[Batch]], bool]) -> list[Batch]:
    """All batches up to the moment when they are enough."""
    batches: list[Batch] = []
    async with asyncio.timeout(SECONDS):
        while not enough(batches):
            batches += await feed.poll()
    return batches


def records(count: int) -> Callable[[Sequence[Batch]], bool]:
    return lambda batches: sum(len(batch.records) for batch in batches) >= count


def numbers(batches: Sequence[Batch], partition: int = 0) -> list[int]:
    return [
        int(record.value or b"")
        for batch in batches
        if batch.partition == partition
        for record in batch.records
    ]


async def until(feed: Feed, fact: Callable[[], object]) -> None:
    """Poll, dropping what comes, until `fact` holds."""
    async with asyncio.timeout(SECONDS):
        while not fact():
            await feed.poll()
