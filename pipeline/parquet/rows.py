"""The rows of the log of `incoming-events`, as the fold reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.control import Control, decode_control
from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.events import Event

_UNREAD = ""  # an event's time as text; the fold reads the number
_KEY_TYPES = (int, str, type(None))

Content = Event | Control | None
"""What a record says; nothing where the fold rejects it."""


def fold_columns(case: UseCase) -> tuple[str, ...]:
    """The columns that `contents` reads."""
    fields = (name for _, name in _read_fields(case))
    return tuple(
        dict.fromkeys(("control", case.entity, "event_type", "event_time", "event_id", *fields))
    )


def contents(case: UseCase, rows: Any) -> Iterator[Content]:
    """The content of each row of a table or batch that has `fold_columns`, and may have `extra`.

    What the feature stage would not fold, because a value it reads is missing or of another type,
    has none. Times are taken as canonical, as `event_handler` writes them.
    """
    unfit, values = _unfit(case, rows), _values(case, rows)
    columns = (
        rows["control"].to_pylist(),
        rows[case.entity].to_pylist(),
        rows["event_type"].to_pylist(),
        rows["event_time"].cast(pa.int64()).to_pylist(),
        rows["event_id"].to_pylist(),
    )
    zipped = enumerate(zip(*columns, strict=True))
    for row, (control, entity, event_type, at, event_id) in zipped:
        if control is not None:
            yield control_of(control)
        elif row in unfit:
            yield None
        else:
            fields = {name: column[row] for name, column in values[event_type]}
            yield Event(entity, event_type, at, _UNREAD, event_id, fields)


def control_of(text: str) -> Control | None:
    """What a control record says; None for one that the fold rejects."""
    try:
        return decode_control(text.encode())
    except DataError:
        return None


def _unfit(case: UseCase, rows: Any) -> set[int]:
    """The rows that are no event, or one that lacks what the fold reads."""
    kinds = rows["event_type"]
    unfit = pc.or_(pc.is_null(kinds), pc.is_null(rows["event_time"]))
    for one in case.aggregations:
        missing = pc.and_kleene(pc.equal(kinds, one.event), pc.is_null(rows[one.of]))
        unfit = pc.or_(unfit, pc.fill_null(missing, fill_value=False))
    return {*pc.indices_nonzero(unfit).to_pylist(), *_misread(case, rows)}


def _misread(case: UseCase, rows: Any) -> Iterator[int]:
    """The rows whose id or lookup's key is of a type that the feature stage refuses.

    The log keeps what has not its column's type in `extra`.
    """
    if "extra" not in rows.schema.names:
        return
    for row in pc.indices_nonzero(pc.is_valid(rows["extra"])).to_pylist():
        extra, kind = orjson.loads(rows["extra"][row].as_py()), rows["event_type"][row].as_py()
        keys = [one.key for one in case.lookups if one.event == kind]
        if "event_id" in extra or any(type(extra.get(key)) not in _KEY_TYPES for key in keys):
            yield row


def _values(case: UseCase, rows: Any) -> dict[str, list[tuple[str, list[Any]]]]:
    """By event type the fields that the fold reads of it, each with its column."""
    read = _read_fields(case)
    columns = {name: rows[name].to_pylist() for name in {name for _, name in read}}
    return {
        event.name: [(name, columns[name]) for kind, name in read if kind == event.name]
        for event in case.events
    }


def _read_fields(case: UseCase) -> list[tuple[str, str]]:
    """Event type and field, for whatever the fold reads of an event besides its envelope."""
    return sorted(
        {
            *((one.event, one.of) for one in case.aggregations),
            *((one.event, one.key) for one in case.lookups),
        }
    )
