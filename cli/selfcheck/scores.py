"""The latest scores in Redis against the log of inferences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cli.selfcheck.held import Entity, Hash, Held, differences
from cli.selfcheck.logged import once
from cli.selfcheck.result import Check
from pipeline.control import Erase
from pipeline.declaration import UseCase
from pipeline.latest_score import LOGGED_FIELDS, SCORE_FIELDS, logged_score_values
from pipeline.parquet.rows import control_of

_TIMES = ("event_time", "as_of", "scored_at")


def as_last_inferred(case: UseCase, inferences: pa.Table, incoming: pa.Table, held: Held) -> Check:
    """Each scored user's hash is the last of their inferences, and no one else has one.

    Who was erased after that inference has none.
    """
    last = _last(case, inferences)
    for entity in _erased(last, incoming):
        del last[entity]
    wrong = differences({entity: _hash(row) for entity, row in last.items()}, held)
    return Check.of("latest scores are the last inferences", len(last), "users", wrong)


def _last(case: UseCase, inferences: pa.Table) -> dict[Entity, dict[str, Any]]:
    """The last inference of each entity, by column."""
    places = zip(
        inferences["partition"].to_pylist(), inferences[case.entity].to_pylist(), strict=True
    )
    rows = {place: row for row, place in enumerate(places)}
    columns = [name for name in inferences.schema.names if name in LOGGED_FIELDS]
    chosen = inferences.select(columns).take(pa.array(rows.values(), pa.int64()))
    for name in _TIMES:
        column = chosen[name].cast(pa.int64())
        chosen = chosen.set_column(columns.index(name), name, column)
    return dict(zip(rows, chosen.to_pylist(), strict=True))


def _erased(last: Mapping[Entity, Mapping[str, Any]], incoming: pa.Table) -> Iterator[Entity]:
    """Whose erasure comes after the event of their last inference."""
    controls = incoming.filter(pc.is_valid(incoming["control"]))
    for record in controls.select(["partition", "offset", "control"]).to_pylist():
        content = control_of(record["control"])
        if isinstance(content, Erase):
            entity = (record["partition"], content.entity)
            if entity in last and _offset(last[entity]["id"], incoming) < record["offset"]:
                yield entity


def _offset(origin: str, incoming: pa.Table) -> int:
    """Where the event of this origin stands; beyond every record where it is not logged."""
    found = once(incoming.filter(pc.equal(incoming["origin"], origin)))["offset"]
    return int(found[0].as_py()) if len(found) else 2**63


def _hash(row: Mapping[str, Any]) -> Hash:
    """An inference as `serving` writes it."""
    values = zip(SCORE_FIELDS, logged_score_values(row), strict=True)
    return {name.encode(): _raw(value) for name, value in values}


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
