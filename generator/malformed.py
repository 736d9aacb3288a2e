"""Records that no stage may accept, one kind after the other, made out of good ones.

What can go wrong follows from the declaration, so it fits every business case. The bytes do not
tell a record's kind; `breakages` does: the n-th malformed record is of kind n mod their number.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from pipeline.declaration import EventType, Field, Integer, Number, UseCase
from pipeline.errors import SettingsError
from pipeline.validation import MAX_BYTES, MAX_ENTITY_BYTES, MAX_EVENT_ID_BYTES
from pipeline.world import SourceRecord

_MISSING = object()
_NESTED = {"value": [{"value": [1, [2, [None]]]}]}
_DEEP = 20_000  # deeper than any parser follows


@dataclass(frozen=True, slots=True)
class Breakage:
    """One way to break a good record; `kind` names it."""

    kind: str
    broken: Callable[[bytes, str], bytes | None]

    def of(self, good: SourceRecord, event_id: str) -> SourceRecord:
        """A copy of `good`, broken, with an `event_id` of its own. Never equal to a good record."""
        return SourceRecord(good.key, self.broken(good.value or b"{}", event_id))


def mixed(
    records: Iterator[SourceRecord], case: UseCase, share: float, seed: int
) -> Iterator[SourceRecord]:
    """All of `records` in their order, and malformed ones among them: `share` of what comes out.

    Raises SettingsError for a share below 0, or 1 and more.
    """
    if not 0 <= share < 1:
        raise SettingsError(f"a share of {share} is none", "Ask for 0 or more, and less than 1")
    dice = random.Random(seed)  # noqa: S311 - a seeded world, no secret
    return _mixed(records, _endless(case, seed), lambda: dice.random() < share)


def _mixed(
    records: Iterator[SourceRecord],
    breakages: Iterator[tuple[Breakage, str]],
    is_next_broken: Callable[[], bool],
) -> Iterator[SourceRecord]:
    for record in records:
        yield record
        while is_next_broken():
            breakage, event_id = next(breakages)
            yield breakage.of(record, event_id)


def _endless(case: UseCase, seed: int) -> Iterator[tuple[Breakage, str]]:
    for number, breakage in enumerate(cycle(breakages(case))):
        yield breakage, f"malformed-{seed}-{number}"


def breakages(case: UseCase) -> tuple[Breakage, ...]:
    """Every way to break a record of `case`."""
    return (*_AS_A_WHOLE, *_in_the_envelope(case), *_in_the_fields(case))


_AS_A_WHOLE = (
    Breakage("null_value", lambda _good, _id: None),
    Breakage("empty_value", lambda _good, _id: b""),
    Breakage("not_json", lambda good, _id: good[:-1]),
    Breakage("two_objects", lambda good, _id: good + good),
    Breakage("not_an_object", lambda good, _id: b"[" + good + b"]"),
    Breakage("not_utf8", lambda good, _id: good.replace(b'"', b'"\xff', 1)),
    Breakage("nested_garbage", lambda _good, _id: b"[" * _DEEP + b"]" * _DEEP),
)


def _in_the_envelope(case: UseCase) -> Iterator[Breakage]:
    wrong: tuple[tuple[str, str, Any], ...] = (
        ("too_large", "padding", "x" * MAX_BYTES),
        ("event_type_unknown", "event_type", "no_such_event"),
        ("event_type_missing", "event_type", _MISSING),
        ("entity_missing", case.entity, _MISSING),
        ("entity_empty", case.entity, ""),
        ("entity_too_long", case.entity, "é" * (MAX_ENTITY_BYTES // 2) + "e"),
        ("entity_control_characters", case.entity, "tab\tbell\a"),
        ("entity_half_a_character", case.entity, "\ud800"),
        ("event_time_missing", "event_time", _MISSING),
        ("event_time_unparsable", "event_time", "yesterday"),
        ("event_time_too_early", "event_time", "2014-12-31T23:59:59Z"),
        ("event_time_in_the_future", "event_time", "2999-01-01T00:00:00Z"),
        ("event_id_not_text", "event_id", 17),
        ("event_id_empty", "event_id", ""),
        ("event_id_too_long", "event_id", "x" * (MAX_EVENT_ID_BYTES + 1)),
    )
    for kind, name, value in wrong:
        yield Breakage(kind, _with({name: value}))


def _in_the_fields(case: UseCase) -> Iterator[Breakage]:
    for event in case.events:
        for field in event.fields:
            for kind, value in _wrong_values(field):
                yield Breakage(kind, _with(_event(event) | {field.name: value}))


def _wrong_values(field: Field) -> Iterator[tuple[str, Any]]:
    if field.required:
        yield "required_field_missing", _MISSING
    if isinstance(field, Number):
        yield from _wrong_numbers(field)
    if isinstance(field, Integer):
        yield "integer_is_text", "12a45"
        yield "integer_has_fraction", 12345.5


def _wrong_numbers(field: Number) -> Iterator[tuple[str, Any]]:
    yield "number_is_text", "ten"
    yield "number_is_boolean", True
    yield "number_is_nested", _NESTED
    yield "number_is_nan", float("nan")
    yield "number_is_infinite", float("inf")
    if field.low - 1 < field.low:  # not so for a double of 1e308
        yield "number_too_low", field.low - 1
    if field.high + 1 > field.high:
        yield "number_too_high", field.high + 1


def _event(event: EventType) -> dict[str, Any]:
    """An event of this type that is good as far as its own fields go."""
    numbers = (field for field in event.fields if isinstance(field, Number) and field.required)
    return {"event_type": event.name} | {field.name: max(field.low, 0) for field in numbers}


def _with(changes: dict[str, Any]) -> Callable[[bytes, str], bytes]:
    def broken(good: bytes, event_id: str) -> bytes:
        fields = json.loads(good) | {"event_id": event_id} | changes
        kept = {name: value for name, value in fields.items() if value is not _MISSING}
        return json.dumps(kept, separators=(",", ":")).encode()

    return broken
