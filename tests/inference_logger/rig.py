"""A logger on a real directory, with a log to read and a clock to move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import use_cases
from inference_logger.files import LogFiles
from inference_logger.service import InferenceLogger
from inference_logger.tables import layouts
from pipeline.clock import FixedClock
from pipeline.faults import FaultPoints
from pipeline.settings import LoggerSettings
from pipeline.topics import logged_with_offers
from tests.support.events import INCOMING_ID, SECOND, bet, log_of
from tests.support.fakes import FakeFeed, Records

CASE = use_cases.load("first_day_churn")
INCOMING = "incoming-events"
NEVER = LoggerSettings(rows=10**9, bytes=10**12, seconds=10**9)
"""Nothing is cut before `close`, but for the first file, which comes soon."""


def bets(count: int, partition: int = 0) -> Records:
    """A log of that many bets, each of another amount."""
    return log_of([bet(offset, f"user {offset % 5}") for offset in range(count)], partition)


@dataclass(slots=True)
class Rig:
    """A logger, what it reads, and the clock it goes by."""

    stage: InferenceLogger
    feed: FakeFeed
    clock: FixedClock

    @classmethod
    def on(  # noqa: PLR0913 - each test turns another screw
        cls,
        root: Path,
        logs: Mapping[int, Records],
        *,
        topic: str = INCOMING,
        topic_id: str = INCOMING_ID,
        limits: LoggerSettings = NEVER,
        faults: str = "",
        instance: str = "one",
        most: int = 1_000,
    ) -> Rig:
        """A logger that reads `logs` (by partition), at most so many records at once."""
        points, clock = FaultPoints.parse(faults), FixedClock()
        files = LogFiles(root, instance, points)
        files.prepare(logged_with_offers(CASE))
        stage = InferenceLogger(layouts(CASE), files, limits, clock, points)
        stage.reader = feed = FakeFeed(logs, repeat(most), topic=topic, topic_id=topic_id)
        return cls(stage, feed, clock)

    async def step(self) -> None:
        """Poll and process once."""
        await self.stage.process(await self.feed.poll(self.stage))

    async def run(self) -> None:
        """Read everything there is, and write it."""
        await self.feed.run(self.stage)
        await self.stage.close()

    async def wait(self, seconds: float) -> None:
        """Let that time go by; then a poll finds nothing."""
        self.clock.at += int(seconds * SECOND)
        await self.stage.process([])


def files_of(root: Path, topic: str = INCOMING) -> list[Path]:
    return sorted((root / topic).glob("date=*/*.parquet"))


def rows_of(root: Path, topic: str = INCOMING) -> list[dict[str, Any]]:
    """Every row of every file, by partition and offset."""
    tables = [pq.ParquetFile(path).read() for path in files_of(root, topic)]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
    return sorted(rows, key=lambda row: (row["partition"], row["offset"]))


def offsets_of(root: Path, partition: int = 0, topic: str = INCOMING) -> list[int]:
    """Every offset as often as it stands in a file, in order."""
    return [row["offset"] for row in rows_of(root, topic) if row["partition"] == partition]
