"""Topics of offers as Parquet, written by the logger itself."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

from inference_logger.files import LogFiles
from inference_logger.service import InferenceLogger
from inference_logger.tables import layouts
from pipeline.clock import FixedClock
from pipeline.faults import NO_FAULTS
from tests.inference_logger.rig import CASE, NEVER
from tests.support.fakes import FakeFeed, Records


async def log(root: Path, topic: str, records: Records) -> None:
    """Have the logger read partition 0 of `topic`."""
    files = LogFiles(root, "one", NO_FAULTS)
    files.prepare((topic,))
    stage = InferenceLogger(layouts(CASE), files, NEVER, FixedClock(), NO_FAULTS)
    stage.reader = feed = FakeFeed({0: records}, repeat(50), topic=topic, topic_id=f"id of {topic}")
    await feed.run(stage)
    await stage.close()
