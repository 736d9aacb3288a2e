"""From the bytes of any source to the canonical record, or to the reason why not.

Pure: the same bytes and record time give the same answer. Details name fields, never values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson

from pipeline.declaration import EventType, Field, Integer, Number, Text, UseCase
from pipeline.errors import DataError
from pipeline.times import MINUTE, canonical_time, parse_time

SCHEMA_VERSION = 1
MAX_BYTES = 64 * 1024
MAX_ENTITY_BYTES = 128
MAX_EVENT_ID_BYTES = 64
EARLIEST = parse_time("2015-01-01T00:00:00Z")
AHEAD = 5 * MINUTE

Check = Callable[[dict[str, Any]], None]


class Canonical(msgspec.Struct, frozen=True, gc=False):
    """An accepted event: its entity, its canonical name and its canonical JSON."""

    entity: str
    event_type: str
    value: bytes


class Validator:
    """Accepts or rejects the events of one use case."""

    def __init__(self, case: UseCase) -> None:
        self._entity = case.entity
        self._events = {
            name: (event.name, _checks(event))
            for event in case.events
            for name in (event.name, *event.aliases)
        }

    def canonical(self, raw: bytes | None, record_time: int) -> Canonical:
        """The canonical record of `raw`, appended at `record_time` (microseconds).

        Raises DataError with a stable reason when it cannot be used.
        """
        event, doubt = _parse(raw)
        entity = checked_entity(event, self._entity)
        name, checks = self._kind(event)
        event["event_type"] = name
        event["event_time"] = _event_time(event, record_time)
        event["schema_version"] = SCHEMA_VERSION
        _check_event_id(event)
        for check in checks:
            check(event)
        if doubt is not None:
            raise doubt
        return Canonical(entity, name, _serialise(event))

    def _kind(self, event: dict[str, Any]) -> tuple[str, tuple[Check, ...]]:
        name = event.get("event_type")
        found = self._events.get(name) if isinstance(name, str) else None
        if found is None:
            raise DataError("unknown_event_type", "event_type")
        return found


def _parse(raw: bytes | None) -> tuple[dict[str, Any], DataError | None]:
    """The object in `raw`, and a doubt that rejects it unless a field's own check does so first."""
    if raw is None:
        raise DataError("null_value")
    if len(raw) > MAX_BYTES:
        raise DataError("too_large", f"{len(raw)} bytes, at most {MAX_BYTES}")
    doubt = None
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        event = _parse_leniently(raw)
        doubt = DataError("not_json", "NaN, infinity or half a surrogate pair")
    if not isinstance(event, dict):
        raise DataError("not_an_object")
    return event, doubt


def _parse_leniently(raw: bytes) -> Any:
    """What the lenient standard parser makes of it, so that the reason names the field at fault."""
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError("not_utf8", f"byte {error.start}") from None
    except (ValueError, RecursionError):
        raise DataError("not_json") from None


def _serialise(event: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(event)
    except TypeError:
        raise DataError("too_deep", "nested deeper than 254 levels") from None


def checked_entity(event: Mapping[str, Any], name: str) -> str:
    """The entity that an event is about. Raises DataError for one that no event may have."""
    entity = event.get(name)
    if entity is None:
        raise DataError("missing_entity", name)
    if not isinstance(entity, str):
        raise DataError("entity_not_text", name)
    check_entity(entity, name)
    return entity


def check_entity(entity: str, name: str) -> None:
    """Raise DataError for one that no event may have."""
    if not entity:
        raise DataError("empty_entity", name)
    if len(_utf8(entity, name)) > MAX_ENTITY_BYTES:
        raise DataError("entity_too_long", f"{name}, at most {MAX_ENTITY_BYTES} bytes")
    if not entity.isprintable() and any(ord(c) < 32 or 127 <= ord(c) < 160 for c in entity):  # noqa: PLR2004 - the C0 and C1 control characters
        raise DataError("entity_control_characters", name)


def _event_time(event: dict[str, Any], record_time: int) -> str:
    text = event.get("event_time")
    if text is None:
        raise DataError("missing_event_time", "event_time")
    if not isinstance(text, str):
        raise DataError("unparsable_event_time", "event_time")
    try:
        at, canonical = canonical_time(text)
    except (ValueError, OverflowError):
        raise DataError("unparsable_event_time", "event_time") from None
    if not EARLIEST <= at <= record_time + AHEAD:
        raise DataError("implausible_event_time", "event_time")
    return canonical


def _check_event_id(event: dict[str, Any]) -> None:
    if "event_id" not in event:
        return
    event_id = event["event_id"]
    if not isinstance(event_id, str) or not 1 <= len(_utf8(event_id, "event_id")) <= (
        MAX_EVENT_ID_BYTES
    ):
        raise DataError("bad_event_id", f"event_id, a string of 1 to {MAX_EVENT_ID_BYTES} bytes")


def _utf8(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise DataError("not_unicode", name) from None


def _checks(event: EventType) -> tuple[Check, ...]:
    return tuple(_check_of(field) for field in event.fields)


def _check_of(field: Field) -> Check:
    check = _VALUE_CHECKS[type(field)](field)
    name, required = field.name, field.required

    def run(event: dict[str, Any]) -> None:
        value = event.get(name)
        if value is not None:
            event[name] = check(value)
        elif required:
            raise DataError("missing_field", name)

    return run


def _text_check(field: Text) -> Callable[[Any], str]:
    name, most = field.name, field.max_bytes

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise DataError("not_text", name)
        if len(_utf8(value, name)) > most:
            raise DataError("text_too_long", f"{name}, at most {most} bytes")
        return value

    return check


def _integer_check(field: Integer) -> Callable[[Any], int]:
    name, low, high = field.name, field.low, field.high

    def check(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise DataError("not_an_integer", name)
        if not low <= value <= high:
            raise DataError("out_of_range", f"{name}, {low} to {high}")
        return value

    return check


def _number_check(field: Number) -> Callable[[Any], float]:
    name, low, high = field.name, field.low, field.high

    def check(value: Any) -> float:
        if type(value) is not float and type(value) is not int:
            raise DataError("not_a_number", name)
        if type(value) is float and not math.isfinite(value):
            raise DataError("not_finite", name)
        if not low <= value <= high:
            raise DataError("out_of_range", f"{name}, {low} to {high}")
        return float(value)

    return check


_VALUE_CHECKS: dict[type[Field], Callable[[Any], Callable[[Any], Any]]] = {
    Text: _text_check,
    Integer: _integer_check,
    Number: _number_check,
}
