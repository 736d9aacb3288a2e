"""Control records: what would change the fold's result is itself a record in the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.errors import DataError
from pipeline.origin import HEADER, KIND_HEADER, Origin, header_in
from pipeline.records import OutRecord
from pipeline.validation import check_entity

_VERSION = re.compile(r"[0-9a-f]{16}")
_CONTROL = b"control"
_HEADERS = ((KIND_HEADER, _CONTROL),)


@dataclass(frozen=True, slots=True)
class LookupLoaded:
    """From here on, `version` of the table holds in this partition."""

    lookup: str
    version: str


@dataclass(frozen=True, slots=True)
class Erase:
    """Forget this entity: its state, and what is derived from it."""

    entity: str


Control = LookupLoaded | Erase


def is_control(headers: Iterable[tuple[str, bytes | None]]) -> bool:
    """Whether a record with these headers is a control record."""
    return header_in(headers, KIND_HEADER) == _CONTROL


def lookup_record(lookup: str, version: str) -> OutRecord:
    """The record that puts a lookup's table in force; one goes to every partition."""
    content = {"control": "lookup", "lookup": lookup, "version": version}
    return OutRecord(None, orjson.dumps(content), _HEADERS)


def erase_record(entity: str) -> OutRecord:
    """The record that erases an entity; it goes to the entity's partition."""
    content = {"control": "erase", "entity": entity}
    return OutRecord(entity.encode(), orjson.dumps(content), _HEADERS)


def passed_on_erasure(origin: Origin, erase: Erase) -> OutRecord:
    """The erase record for the stages behind, caused by the one read."""
    record = erase_record(erase.entity)
    return OutRecord(record.key, record.value, (*record.headers, (HEADER, origin.encode())))


def epoch_record() -> OutRecord:
    """The record that an epoch begins behind, for its log not to begin at 0; no one reads it."""
    return OutRecord(None, orjson.dumps({"control": "epoch"}), _HEADERS)


def decode_control(value: bytes | None) -> Control:
    """The content of a control record. Raises DataError."""
    try:
        content = orjson.loads(value or b"")
        return _CONTROLS[content["control"]](content)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise DataError("unknown_control") from None


def is_version(text: str) -> bool:
    """Whether a lookup's table can have this version: digits of its hash, and nothing of a path."""
    return _VERSION.fullmatch(text) is not None


def decode_erasure(value: bytes | None) -> Erase:
    """As `decode_control`, where nothing else is passed on. Raises DataError."""
    control = decode_control(value)
    if not isinstance(control, Erase):
        raise DataError("unknown_control")
    return control


def _text(content: dict[str, Any], name: str) -> str:
    text = content[name]
    if not isinstance(text, str):
        raise TypeError(name)
    return text


def _loaded(content: dict[str, Any]) -> LookupLoaded:
    version = _text(content, "version")
    if not is_version(version):
        raise DataError("bad_version", "version, 16 hexadecimal digits")
    return LookupLoaded(_text(content, "lookup"), version)


def _erase(content: dict[str, Any]) -> Erase:
    entity = _text(content, "entity")
    check_entity(entity, "entity")
    return Erase(entity)


_CONTROLS: dict[str, Callable[[dict[str, Any]], Control]] = {
    "lookup": _loaded,
    "erase": _erase,
}
