"""Keeps the log compact by itself: `python -m compaction`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta

import use_cases
from compaction.merging import Merger
from compaction.service import Compactor, Outcome
from compaction.tidying import Pass, oldest_of
from compaction.worker import STAGE, Tidying
from pipeline.process import Process, run_worker
from pipeline.times import EPOCH
from pipeline.topics import logged_with_offers

MEGABYTES = 256  # a file in memory; sorting takes three times that


async def work(process: Process) -> None:
    """Wire the worker and run it until the end is asked for."""
    settings, case = process.settings, process.case
    merger = Merger(case.entity, MEGABYTES * 1024**2)
    compactor = Compactor(settings.parquet_dir, merger, process.faults)

    def outcomes(moment: int) -> Iterator[Outcome]:
        today = (EPOCH + timedelta(microseconds=moment)).date()
        oldest = oldest_of(today, settings.retention_days)
        return Pass(compactor, logged_with_offers(case), today, oldest).outcomes()

    await Tidying(outcomes, process.health, process.stopping, process.clock).run()


if __name__ == "__main__":
    sys.exit(run_worker(STAGE, "Keep the log in few files.", use_cases.load, work))
