"""A log in memory and in Parquet, and the builders that build from it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from inference_logger.files import LogFiles
from inference_logger.service import InferenceLogger
from inference_logger.tables import layouts
from pipeline.clock import FixedClock
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.faults import FaultPoints
from pipeline.kafka.positions import Log
from pipeline.marker import Marker
from pipeline.settings import LoggerSettings
from pipeline.store.store import Values
from pipeline.topics import Topics
from rebuild.builders import Built, FeatureBuilder, Ground, ScoreBuilder
from tests.support.events import INCOMING_ID
from tests.support.fakes import FakeFeed, Records
from tests.support.stages import TOPICS, table_of
from use_cases.first_day_churn import USE_CASE

FEATURES_ID, INFERENCES_ID = "featuresfeaturesfeatur", "inferencesinferencesin"
IDS = {
    TOPICS.incoming: INCOMING_ID,
    TOPICS.features: FEATURES_ID,
    TOPICS.inferences: INFERENCES_ID,
    TOPICS.rejected: "rejectedrejectedreject",
}


@dataclass
class Ledger:
    """What Kafka and Parquet hold: `starts` are the offsets that Kafka begins with."""

    root: Path
    partitions: int = 1
    starts: dict[tuple[str, int], int] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=lambda: dict(IDS))
    case: UseCase = USE_CASE

    async def log(self, topic: str, logs: Mapping[int, Records], rows: int = 1_000) -> None:
        """Have the logger read partitions of a topic, into files of at most so many rows."""
        points, clock = FaultPoints(), FixedClock()
        files = LogFiles(self.root, "one", points)
        await asyncio.to_thread(files.prepare, Topics.of(self.case).logged, self.partitions)
        limits = LoggerSettings(rows=rows, bytes=10**12, seconds=10**9)
        stage = InferenceLogger(layouts(self.case), files, limits, clock, points)
        starts = {number: self.starts.get((topic, number), 0) for number in logs}
        feed = FakeFeed(logs, cycle([50]), topic, self.ids[topic], starts)
        stage.reader = feed
        await feed.run(stage)
        await stage.close()
        self.holds(topic, logs)

    def holds(self, topic: str, logs: Mapping[int, Records]) -> None:
        """Kafka holds so many records."""
        for partition, records in logs.items():
            self.ends[topic, partition] = len(records)

    def place(self, topic: str, partition: int) -> Log:
        """A partition as the broker has it."""
        key = (topic, partition)
        return Log(
            topic, self.ids[topic], partition, self.starts.get(key, 0), self.ends.get(key, 0)
        )

    @property
    def ground(self) -> Ground:
        return Ground(self.case, self.partitions, self.root, self.place)

    @property
    def features(self) -> FeatureBuilder:
        return FeatureBuilder(self.ground, table_of)

    @property
    def scores(self) -> ScoreBuilder:
        return ScoreBuilder(self.ground)


def held(built: Built) -> dict[str, list[bytes]]:
    """The built values by entity, as Redis would answer them."""
    return {entity: raw(values) for entity, values in built.entities}


def raw(values: Values) -> list[bytes]:
    return [one.encode() if isinstance(one, str) else one for one in values or ()]


def refused(ledger: Ledger, live: Marker | None, *, scores: bool = False) -> str:
    """What a rebuild of partition 0 is refused with."""
    builder = ledger.scores if scores else ledger.features
    try:
        builder.build(0, live, "g2")
    except Refusal as refusal:
        return str(refusal)
    raise AssertionError("it was not refused")
