"""Begins a new epoch of the log, once all workers have stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cli.endings import Failed
from cli.state.markers import read_markers
from event_handler.notes import decode
from pipeline.control import epoch_record
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.faults import FaultPoints
from pipeline.kafka.admin import Admin
from pipeline.kafka.carrying import append, write_again
from pipeline.origin import Source
from pipeline.parquet.locks import rearranging
from pipeline.records import Target
from pipeline.settings import KafkaSettings, Settings
from pipeline.topics import STAGES, Topics, group_of
from rebuild.boundary import Now
from rebuild.epoch import begin, finish, unfinished
from rebuild.planning import Planned, Planner, Survey

Say = Callable[[str], None]
Ask = Callable[[str], bool]

_LEAVING_SECONDS = 15.0  # longer than the session of a member that ended without leaving
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class KafkaBroker:
    """The `rebuild.epoch.Broker` of topics that have so many partitions. All calls block."""

    admin: Admin
    settings: KafkaSettings
    partitions: int

    def starts(self, topic: str) -> dict[int, int]:
        """The first offset that is there, by partition."""
        return _numbered(self.admin.starts(self._places(topic)))

    def ends(self, topic: str) -> dict[int, int]:
        """The next offset to be written, by partition."""
        return _numbered(self.admin.ends(self._places(topic)))

    def write_again(self, topic: str, partition: int, end: int) -> None:
        """Append the records before an offset once more, with their origins."""
        asyncio.run(write_again(self.settings, Target(topic, partition), end))

    def mark(self, topic: str, partition: int) -> None:
        """Append a record that nobody is to read."""
        asyncio.run(append(self.settings, Target(topic, partition), epoch_record()))

    def cut(self, topic: str, before: Mapping[int, int]) -> None:
        """Let partitions lose their records before an offset."""
        self.admin.delete_records({(topic, number): one for number, one in before.items()})

    def _places(self, topic: str) -> list[tuple[str, int]]:
        return [(topic, number) for number in range(self.partitions)]


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """A use case whose topics are no longer what its log and its state were made of."""

    settings: Settings
    case: UseCase
    admin: Admin
    say: Say

    @property
    def _broker(self) -> KafkaBroker:
        return KafkaBroker(self.admin, self.settings.kafka, self.settings.partitions)

    def begin(self, ask: Ask) -> None:
        """Begin it if it is needed and wanted, or finish beginning it. Blocks.

        Raises Refusal while workers run, or where more would be lost than need be, and Failed if
        `ask` says no.
        """
        self._wait_until_stopped()
        with rearranging(self.settings.parquet_dir):
            self._begin(ask)

    def _begin(self, ask: Ask) -> None:
        root, settings = self.settings.parquet_dir, self.settings
        planner = Planner(self.case, root, settings.partitions)
        plan = unfinished(root)
        if plan is None:
            planned = planner.plan(self._survey())
            if planned is None:
                self.say("no topic needs a new epoch")
                return
            self._agree(planned, ask)
            plan = planned.plan
        faults = FaultPoints.parse(settings.faults)
        manifest = begin(root, plan, self._broker, planner.carried.origins, faults)
        faults.hit("epoch-begun")
        finish(root, manifest)
        self.say("the new epoch has begun")

    def _agree(self, planned: Planned, ask: Ask) -> None:
        for topic, cause in planned.causes.items():
            self.say(f"{topic} {cause}")
        for line in planned.losses:
            self.say(line)
        for topic in planned.plan.cut:
            self.say(f"Kafka's records of {topic} are deleted; Parquet keeps what it logs")
        if not ask("Begin a new epoch?"):
            raise Failed("nothing was changed")

    def _wait_until_stopped(self) -> None:
        groups = tuple(group_of(self.case, stage) for stage in STAGES)
        deadline = time.monotonic() + _LEAVING_SECONDS
        while members := self.admin.members(groups):
            named = ", ".join(sorted(name for names in members.values() for name in names))
            if time.monotonic() > deadline:
                raise Refusal(f"workers are running: {named}", "Stop them all and try again")
            self.say(f"waiting for {named} to be gone")
            time.sleep(_PAUSE_SECONDS)

    def _survey(self) -> Survey:
        topics = Topics.of(self.case).ours
        ids = self.admin.topic_ids((*topics,))
        broker, markers = self._broker, read_markers(self.settings)
        return Survey(
            {topic: Now(ids[topic], broker.starts(topic), broker.ends(topic)) for topic in topics},
            markers["stream_features"],
            markers["serving"],
            self._commits(),
        )

    def _commits(self) -> dict[Source, tuple[int, int]]:
        """The handler's (incarnation, next offset) by the partitions of its sources."""
        commits = self.admin.commits(group_of(self.case, "event_handler"))
        notes = {source: decode(commit.note) for source, commit in commits.items()}
        return {
            source: (note.incarnation, commits[source].offset)
            for source, note in notes.items()
            if note is not None
        }


def _numbered(offsets: Mapping[tuple[str, int], int]) -> dict[int, int]:
    return {number: offset for (_, number), offset in offsets.items()}
