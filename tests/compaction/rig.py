"""A log of small files, and a compaction of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from compaction.dates import Day, days_of
from compaction.merging import Merger
from compaction.service import Changed, Compactor, Outcome
from pipeline.faults import FaultPoints
from pipeline.parquet.format import schemas
from pipeline.parquet.locks import rearranging
from pipeline.settings import LoggerSettings
from tests.inference_logger.rig import CASE, INCOMING, Rig
from tests.support.fakes import Records

SCHEMA = schemas(CASE)[INCOMING]
MEGABYTE = 1024**2
LATER = date(2100, 1, 1)
DAY = "date=2025-06-01"


async def log(
    root: Path, logs: dict[int, Records], rows: int = 7, *, topic: str = INCOMING
) -> None:
    """Have the logger write these partitions, in files of so many rows."""
    await Rig.on(root, logs, limits=LoggerSettings(rows=rows), topic=topic, most=rows).run()


def compactor(root: Path, most_bytes: int = MEGABYTE) -> Compactor:
    """One that does not wait for long."""
    return Compactor(root, Merger(CASE.entity, most_bytes), FaultPoints(), wait_seconds=0.1)


def days(root: Path, topic: str = INCOMING) -> list[Day]:
    return days_of(root / topic, LATER)


def compact(root: Path, *, most_bytes: int = MEGABYTE, topic: str = INCOMING) -> list[Outcome]:
    """Compact what is not compact yet."""
    work = compactor(root, most_bytes)
    with rearranging(root):
        work.prepare()
        return [work.compact(day) for day in days(root, topic) if not day.is_compact()]


def expire(root: Path, *, topic: str = INCOMING) -> list[Outcome]:
    """Remove all dates."""
    work = compactor(root)
    with rearranging(root):
        work.prepare()
        return [work.expire(day) for day in days(root, topic)]


def counts(outcomes: Sequence[Outcome]) -> list[tuple[int, int]]:
    """Files before and after, of what was done."""
    return [(one.before.files, one.after.files) for one in outcomes if isinstance(one, Changed)]


def rows(paths: Sequence[Path]) -> pa.Table:
    """All rows of these files, in log order."""
    tables = [pq.read_table(path, partitioning=None).replace_schema_metadata() for path in paths]
    order = [("partition", "ascending"), ("offset", "ascending")]
    return pa.concat_tables(tables).sort_by(order).combine_chunks()
