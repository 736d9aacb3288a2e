"""One process of the handler on a fake feed, whose group remembers offsets and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

import orjson

from event_handler.core import Handler
from event_handler.flood import Flood
from event_handler.notes import Note, Pause, encode
from event_handler.positions import GroupPositions, Key
from event_handler.service import EventHandler
from pipeline.clock import FixedClock
from pipeline.faults import FaultPoints
from pipeline.health import Health
from pipeline.kafka.admin import Commit
from pipeline.kafka.feed import Batch
from pipeline.origin import Origin
from pipeline.records import InRecord
from pipeline.topics import Topics
from pipeline.validation import Validator
from tests.support.events import NOON, SOURCE_ID, bet, consumed
from tests.support.fakes import FakeFeed, FakeWriter, Gated, origin_of
from use_cases.first_day_churn import USE_CASE

TOPICS = Topics.of(USE_CASE)
PARTITIONS = 4
INCARNATION = 7
NOTE = encode(Note(SOURCE_ID, INCARNATION))
Records = list[InRecord]
Commits = dict[Key, Commit]


@dataclass
class GroupFeed(FakeFeed):
    """Also holds partitions back, and keeps the group's commits with their notes."""

    commits: Commits = field(default_factory=dict)
    held: list[Key] = field(default_factory=list)
    passed: dict[Key, int] = field(default_factory=dict)

    async def committed(self, topic: str, partition: int) -> Commit | None:  # type: ignore[override] # with its note
        return self.commits.get((topic, partition))

    async def commit_noted(self, commits: Mapping[Key, Commit]) -> None:
        self.commits |= {key: one for key, one in commits.items() if key in self.owned}

    async def poll(self, stage: Gated) -> list[Batch]:
        held = []
        for partition in self.logs.keys() - self._next.keys():
            position = await stage.position(self.place(partition))
            if position is None:
                held.append((self.topic, partition))
                continue
            self._next[partition] = position
            self._last_reading += 1
            self._readings[partition] = self._last_reading
        self.held = held
        taken = [self._take(partition) for partition in sorted(self._next)]
        return [batch for batch in taken if batch.records]


@dataclass
class FakeResumes:
    """What a person has let through, by the partition and the pause."""

    before: dict[tuple[Key, Pause], int] = field(default_factory=dict)

    async def let_through(self, key: Key, pause: Pause) -> int | None:
        return self.before.get((key, pause))


@dataclass
class FakeIncarnations:
    """The topics that a source has been, in the order in which they were met."""

    numbers: dict[str, int] = field(default_factory=lambda: {SOURCE_ID: INCARNATION})

    async def number(self, source: str, topic_id: str) -> int:  # noqa: ARG002 - it has one source
        return self.numbers.setdefault(topic_id, max(self.numbers.values()) + 1)


def source_origin(partition: int, offset: int) -> Origin:
    """What the handler calls a record of the source."""
    return Origin(TOPICS.generated, partition, offset, 0, INCARNATION)


class Rig:
    """One process; `restarted` gives the next."""

    def __init__(
        self,
        logs: dict[int, Records],
        writer: FakeWriter | None = None,
        faults: str = "",
        *,
        most: int = 3,
        share: float = 0.5,
    ) -> None:
        self.writer = writer or FakeWriter()
        self.feed = GroupFeed(logs, repeat(most), topic=TOPICS.generated, topic_id=SOURCE_ID)
        self.resumes, self.clock = FakeResumes(), FixedClock(NOON)
        self.health = Health(self.clock)
        self.incarnations = FakeIncarnations()
        self.positions = GroupPositions(
            Flood(share), self.resumes, self.incarnations, self.clock, self.health
        )
        self.positions.reader = self.feed
        handler = Handler(Validator(USE_CASE), TOPICS, PARTITIONS)
        self.stage = EventHandler(handler, self.writer, self.positions, FaultPoints.parse(faults))

    async def step(self) -> Sequence[Batch]:
        """Poll and process once; returns what was polled."""
        batches = await self.feed.poll(self.stage)
        await self.stage.process(batches)
        return batches

    async def run(self) -> None:
        """Until all is read."""
        await self.feed.run(self.stage)

    def restarted(self, commits: Commits | None = None, *, share: float = 0.5) -> Rig:
        """A new process; the group knows what was committed, or an older commit."""
        again = Rig(dict(self.feed.logs), self.writer, share=share)
        again.feed.commits = dict(self.feed.commits if commits is None else commits)
        again.feed.sizes = self.feed.sizes
        again.resumes.before = self.resumes.before
        return again

    def effects(self) -> list[tuple[Origin, bytes | None]]:
        """What comes out by the origin rule, on both topics."""
        topics = (TOPICS.incoming, TOPICS.rejected)
        records = [one for topic in topics for one in self.writer.effective(topic)]
        return sorted((origin_of(one), one.value) for one in records)

    def origins(self) -> list[Origin]:
        """The origins of what comes out."""
        return [origin for origin, _ in self.effects()]

    def offsets(self) -> dict[int, int]:
        """What is committed, by partition."""
        return {partition: one.offset for (_, partition), one in self.feed.commits.items()}


def source_log(partition: int, length: int = 20, *, malformed_each: int = 5) -> Records:
    """Bets of several users, the last of each `malformed_each` records malformed."""
    return [
        consumed(
            b"not json"
            if n % malformed_each == malformed_each - 1
            else orjson.dumps(bet(n, f"u{(n + partition) % 7}")),
            topic=TOPICS.generated,
            partition=partition,
            offset=n,
        )
        for n in range(length)
    ]
