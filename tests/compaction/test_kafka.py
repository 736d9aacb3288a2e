"""The real logger on a real broker, while the dates it writes are compacted again and again."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path

from compaction.merging import Merger
from compaction.service import Changed, Compactor
from pipeline.faults import FaultPoints
from pipeline.kafka.admin import Admin
from pipeline.kafka.outputs import Outputs
from pipeline.parquet.files import is_compacted
from pipeline.parquet.locks import rearranging
from pipeline.topics import Topics
from tests.compaction.rig import MEGABYTE, days
from tests.inference_logger.rig import CASE, files_of, rows_of
from tests.inference_logger.test_kafka import (
    DEADLINE_SECONDS,
    records,
    run_until_all_is_logged,
    settings_for,
)

BURSTS, BURST = 3, 200


def compact_until(ended: threading.Event, root: Path, topic: str) -> int:
    """Compact without pause, also the date that is not over; how often it was done."""
    done = 0
    work = Compactor(root, Merger(CASE.entity, MEGABYTE), FaultPoints())
    deadline = time.monotonic() + DEADLINE_SECONDS
    with rearranging(root):
        while not (ended.is_set() and done) and time.monotonic() < deadline:
            for day in days(root, topic):
                done += not day.is_compact() and isinstance(work.compact(day), Changed)
    return done


async def test_the_logger_and_a_compaction_run_side_by_side(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    case = replace(CASE, name=topic_prefix.strip("-"), topic_prefix=topic_prefix)
    settings, topics, ended = settings_for(kafka, tmp_path), Topics.of(case), threading.Event()
    settings = replace(settings, use_case=case.name)
    with Admin.connect(settings.kafka) as admin:
        admin.create(topics, partitions=2)
    outputs = Outputs(settings.kafka)
    root = settings.parquet_dir
    compacting = asyncio.create_task(asyncio.to_thread(compact_until, ended, root, topics.incoming))
    try:
        for burst in range(BURSTS):
            await outputs.deliver(records(case, burst * BURST, BURST))
            await run_until_all_is_logged(case, settings)
    finally:
        ended.set()
        await outputs.close()
    assert await compacting >= 1
    found = [(row["partition"], row["offset"]) for row in rows_of(root, topics.incoming)]
    expected = BURSTS * BURST // 2
    assert found == [(number, offset) for number in (0, 1) for offset in range(expected)]
    assert any(is_compacted(path.name) for path in files_of(root, topics.incoming))
