"""The three logged topics as Parquet has them. Blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cli.selfcheck.result import Files
from pipeline.declaration import UseCase
from pipeline.parquet.format import EVENT, schemas
from pipeline.parquet.tables import open_topic
from pipeline.topics import Topics

_ORDER = [("partition", "ascending"), ("offset", "ascending")]
_COMMON = ("partition", "offset", "kind", "replayed", "origin", "origin_time")
_EVENT = ("event_type", "event_time", "event_id", "control")
_SCORED = ("event_time", "as_of", "scored_at", "timestamp", "feature_age")
_SCORE = ("id", "model", "version", "model_hash", "probability", "decision")
_REJECTED = ("stage", "reason")


@dataclass(frozen=True, slots=True)
class Logged:
    """Every record of the three topics, replays and control records too, in log order."""

    incoming: pa.Table
    inferences: pa.Table
    rejected: pa.Table


@dataclass(frozen=True, slots=True)
class Origins:
    """The columns of an origin: a record's cause in the first log."""

    log: pa.Array
    partition: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]


def read_logged(parquet_dir: Path, case: UseCase) -> Logged:
    """Read the files as they are now, only the columns that a check looks at."""
    topics, known = Topics.of(case), schemas(case)

    def read(topic: str, *columns: str) -> pa.Table:
        wanted = [*dict.fromkeys((*_COMMON, *columns))]
        return open_topic(parquet_dir, topic, known[topic]).to_table(wanted).sort_by(_ORDER)

    numbers = [one.of for one in case.aggregations]
    keys = [one.key for one in case.lookups]
    outcome = [case.outcome] if case.outcome else []
    return Logged(
        read(topics.incoming, case.entity, *_EVENT, *numbers, *keys, *outcome),
        read(topics.inferences, case.entity, *_SCORED, *_SCORE, *case.inputs),
        read(topics.rejected, *_REJECTED),
    )


def files_of(parquet_dir: Path, case: UseCase) -> Files:
    """How many files hold the three topics, and their bytes."""
    homes = [parquet_dir / topic for topic in Topics.of(case).logged]
    sizes = [path.stat().st_size for home in homes for path in home.glob("date=*/*.parquet")]
    return Files(parquet_dir, len(sizes), sum(sizes))


def once(table: pa.Table) -> pa.Table:
    """Each event, or what came of it, exactly once: no replays, no control records."""
    return table.filter(pc.and_(pc.invert(table["replayed"]), pc.equal(table["kind"], EVENT)))


def in_force(incoming: pa.Table) -> pa.Table:
    """What the fold goes through: events and control records that can be read, without replays."""
    events = pc.and_(pc.is_valid(incoming["event_type"]), pc.is_valid(incoming["event_time"]))
    readable = pc.or_(events, pc.is_valid(incoming["control"]))
    return incoming.filter(pc.and_(pc.invert(incoming["replayed"]), readable))


def origins(table: pa.Table) -> Origins:
    """The column `origin`, taken apart."""
    parts = pc.split_pattern(table["origin"], "/", reverse=True, max_splits=3)
    log, partition, offset = (pc.list_element(parts, index) for index in range(3))
    return Origins(log, integers(partition), integers(offset))


def integers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A column without nulls as 64-bit integers; a time in its own unit since the epoch."""
    return np.asarray(column.cast(pa.int64()))
