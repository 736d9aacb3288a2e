"""The latest scores of a partition, out of its logged inferences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.control import Erase
from pipeline.declaration import UseCase
from pipeline.latest_score import LOGGED_FIELDS, logged_score_values
from pipeline.origin import Highest, Origin
from pipeline.parquet.format import schemas
from pipeline.parquet.rows import control_of
from pipeline.store.store import Values
from pipeline.topics import Topics
from rebuild.history import History

_TIMES = ("event_time", "as_of", "scored_at")
_NEVER = (2**63, 0)

Moment = tuple[int, int]
"""Where a record of one partition stands in the log: its epoch's number, and its offset."""


class _Erasure(NamedTuple):
    """An erase record."""

    moment: Moment
    origin: str
    entity: str


@dataclass(slots=True)
class Scored:
    """The last inference of each entity, and the highest origins of what was inferred."""

    latest: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    highest: Highest = field(default_factory=Highest)
    last: str | None = None
    """The origin of the last inference."""
    records: int = 0
    next_offset: int = 0
    """In `inferences` as the topic is now: before it stands nothing that was not taken."""

    def entities(self) -> Iterator[tuple[str, Values]]:
        """Each entity with its hash's values."""
        return ((entity, logged_score_values(row)) for entity, row in self.latest.items())


def score(
    case: UseCase, incoming: History, inferences: History, partition: int, covered: Highest
) -> Scored:
    """What `serving` holds of a partition after the logged inferences.

    `covered` are the highest origins of what is logged of `incoming-events`: inferences of later
    events do not count yet, because an erasure before them may not be logged. Raises Refusal where
    files are missing.
    """
    scored = _last_inferences(case, inferences, partition, covered)
    erasures = list(_erasures(case, incoming, partition))
    if erasures:
        _erase(scored, erasures, _moments(case, incoming, partition, scored, erasures))
    return scored


def _last_inferences(
    case: UseCase, inferences: History, partition: int, covered: Highest
) -> Scored:
    scored = Scored()
    columns = ("offset", "origin", case.entity, *LOGGED_FIELDS)
    schema = schemas(case)[Topics.of(case).inferences]
    for stream in inferences.streams(partition):
        for rows in stream.batches(schema, columns):
            for row in _in_micros(rows.filter(pc.is_valid(rows["id"]))).to_pylist():
                origin = Origin.decode(row["origin"].encode())
                if not stream.has(row[case.entity]):
                    continue
                if not covered.covers(origin):
                    return scored
                scored.latest[row[case.entity]] = row
                scored.highest.admit(origin)
                scored.last = row["origin"]
                scored.records += 1
                if stream.epoch is inferences.current:
                    scored.next_offset = row["offset"] + 1
    return scored


def _in_micros(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Times as numbers."""
    for name in _TIMES:
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, name, rows[name].cast(pa.int64()))
    return rows


def _erasures(case: UseCase, incoming: History, partition: int) -> Iterator[_Erasure]:
    schema = schemas(case)[Topics.of(case).incoming]
    for epoch, stream in enumerate(incoming.streams(partition)):
        for rows in stream.batches(schema, ("offset", "origin", "control")):
            for row in rows.filter(pc.is_valid(rows["control"])).to_pylist():
                content = control_of(row["control"])
                if isinstance(content, Erase) and stream.has(content.entity):
                    yield _Erasure((epoch, row["offset"]), row["origin"], content.entity)


def _moments(
    case: UseCase,
    incoming: History,
    partition: int,
    scored: Scored,
    erasures: Collection[_Erasure],
) -> dict[str, Moment]:
    """Where the events stand that caused the last inference, and those of erased entities."""
    erased = {one.entity for one in erasures} & scored.latest.keys()
    wanted = {scored.latest[entity]["origin"] for entity in erased} | {scored.last}
    values = pa.array([one for one in wanted if one is not None], pa.string())
    schema = schemas(case)[Topics.of(case).incoming]
    return {
        row["origin"]: (epoch, row["offset"])
        for epoch, stream in enumerate(incoming.streams(partition))
        for rows in stream.batches(schema, ("offset", "origin"))
        for row in rows.filter(pc.is_in(rows["origin"], values)).to_pylist()
    }


def _erase(scored: Scored, erasures: Collection[_Erasure], moments: Mapping[str, Moment]) -> None:
    """Drop scores that an erasure came after; what an inference came after was done with."""
    last = moments.get(scored.last or "")
    for one in erasures:
        row = scored.latest.get(one.entity)
        if row is not None and moments.get(row["origin"], _NEVER) < one.moment:
            del scored.latest[one.entity]
        if last is not None and one.moment < last:
            scored.highest.admit(Origin.decode(one.origin.encode()))
