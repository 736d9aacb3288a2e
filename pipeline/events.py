"""What the fold reads of a canonical record: entity, type, event time, id and declared values."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, NamedTuple

import orjson

from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.times import parse_canonical


class Event(NamedTuple):
    """One canonical event; `at` in microseconds since the epoch, `time` the same as text."""

    entity: str
    event_type: str
    at: int
    time: str
    event_id: str | None
    values: Mapping[str, Any]


class EventDecoder:
    """Reads canonical records, as `event_handler` writes them, of one use case."""

    def __init__(self, case: UseCase) -> None:
        self._entity = case.entity
        self._types = {event.name: _types(case, event.name) for event in case.events}

    def decode(self, value: bytes | None) -> Event:
        """The event in `value`. Raises DataError for anything the fold could not use."""
        if value is None:
            raise DataError("null_value")
        try:
            fields = orjson.loads(value)
            kind, time = fields["event_type"], fields["event_time"]
            at = parse_canonical(time)
            types = self._types[kind]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            raise DataError("not_canonical") from None
        get = fields.get
        for name, allowed in types:
            if type(get(name)) not in allowed:
                raise DataError("not_canonical", name)
        return Event(fields[self._entity], kind, at, time, get("event_id"), fields)


def _types(case: UseCase, kind: str) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """What the fold reads of an event of this type, and the types that each may have."""
    keys = [one.key for one in case.lookups if one.event == kind]
    numbers = [one.of for one in case.aggregations if one.event == kind]
    return (
        (case.entity, (str,)),
        ("event_id", (str, NoneType)),
        *((name, (int, str, NoneType)) for name in keys),
        *((name, (float, int)) for name in numbers),
    )
