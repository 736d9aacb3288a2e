"""What the fold reads of a canonical record: entity, type, event time, id and declared values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import attrgetter, or_
from typing import Annotated, Any

import msgspec

from pipeline.declaration import Text, UseCase
from pipeline.declaration.fields import MOST_NUMBER
from pipeline.errors import DataError
from pipeline.times import parse_canonical
from pipeline.validation import check_entity

_AMOUNT = Annotated[float, msgspec.Meta(ge=-MOST_NUMBER, le=MOST_NUMBER)]


class Event(msgspec.Struct, frozen=True, gc=False):
    """One canonical event; `at` in microseconds since the epoch, `time` the same as text.

    `values` holds the declared fields that the fold reads of this event type, by name.
    """

    entity: str
    event_type: str
    at: int
    time: str
    event_id: str | None
    values: Mapping[str, Any]


class EventDecoder:
    """Reads canonical records, as `event_handler` writes them, of one use case."""

    def __init__(self, case: UseCase, also: Sequence[str] = ()) -> None:
        """`also` names fields to keep besides, where an event has them."""
        more = dict.fromkeys(also, (Any, None))
        read = {event.name: more | _read_of(case, event.name) for event in case.events}
        structs = [_struct(case, kind, fields) for kind, fields in read.items()]
        self._decode = msgspec.json.Decoder(reduce(or_, structs)).decode
        self._entity = case.entity
        self._names = {
            case.entity,
            "event_id",
            *(name for fields in read.values() for name in fields),
        }
        self._values = {
            struct: (kind, [(name, attrgetter(_attribute(name))) for name in fields])
            for struct, (kind, fields) in zip(structs, read.items(), strict=True)
        }

    def decode(self, value: bytes | None) -> Event:
        """The event in `value`. Raises DataError for anything the fold could not use."""
        if value is None:
            raise DataError("null_value")
        try:
            found = self._decode(value)
            at = parse_canonical(found.time)
        except msgspec.ValidationError as error:
            raise DataError("not_canonical", self._named_in(str(error))) from None
        except (ValueError, RecursionError):  # of the time, of bytes, and of nesting
            raise DataError("not_canonical") from None
        check_entity(found.entity, self._entity)
        kind, getters = self._values[type(found)]
        values: dict[str, Any] = {}
        for name, get in getters:  # a comprehension costs a call for each event
            values[name] = get(found)
        return Event(found.entity, kind, at, found.time, found.event_id, values)

    def _named_in(self, message: str) -> str:
        """The field that an error is about; its message may hold a value, which is personal."""
        found = (one for one in self._names if message.endswith((f"`$.{one}`", f"`{one}`")))
        return next(found, "")


def _read_of(case: UseCase, kind: str) -> dict[str, tuple[Any, Any]]:
    """What the fold reads of an event of this type: field -> its JSON type, and its default."""
    keys = {one.key: (int | str | None, None) for one in case.lookups if one.event == kind}
    event = case.event(kind)
    aggregated = {one.of: event.field(one.of) for one in case.aggregations if one.event == kind}
    values = {
        name: (str if isinstance(field, Text) else _AMOUNT, msgspec.NODEFAULT)
        for name, field in aggregated.items()
    }
    return {**keys, **values}


def _struct(case: UseCase, kind: str, fields: Mapping[str, tuple[Any, Any]]) -> type[Any]:
    """What a JSON object of this event type is read into; it passes over all other fields."""
    own = [(_attribute(name), type_, default) for name, (type_, default) in fields.items()]
    envelope: list[tuple[str, Any, Any]] = [
        ("entity", str, msgspec.NODEFAULT),
        ("time", str, msgspec.NODEFAULT),
        ("event_id", str | None, None),
    ]
    return msgspec.defstruct(
        kind,
        [*envelope, *own],
        tag=kind,
        tag_field="event_type",
        kw_only=True,
        rename={
            "entity": case.entity,
            "time": "event_time",
            **{_attribute(name): name for name in fields},
        },
        gc=False,
    )


def _attribute(name: str) -> str:
    """An identifier for any name that JSON may have, and none that we use ourselves."""
    return f"f_{name.encode().hex()}"
