"""What the fold reads of a canonical record: entity, type, event time, id and declared values."""

from __future__ import annotations

from collections.abc import Mapping
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
        self._kinds = frozenset(event.name for event in case.events)

    def decode(self, value: bytes | None) -> Event:
        """The event in `value`. Raises DataError for anything `event_handler` would not write."""
        if value is None:
            raise DataError("null_value")
        try:
            fields = orjson.loads(value)
            kind, time = fields["event_type"], fields["event_time"]
            event = Event(
                fields[self._entity],
                kind,
                parse_canonical(time),
                time,
                fields.get("event_id"),
                fields,
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            raise DataError("not_canonical") from None
        if kind not in self._kinds:
            raise DataError("not_canonical", "event_type")
        return event
