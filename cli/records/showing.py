"""How records are shown: bytes never reach the terminal as they are."""

from __future__ import annotations

import json
from typing import Any

import orjson

from pipeline.origin import MOST_MILLISECONDS
from pipeline.records import InRecord
from pipeline.rejection import unusable
from pipeline.times import format_time


def printable(raw: bytes | None) -> str:
    """Text as text; what is not UTF-8, or would steer a terminal, escaped; no bytes as `null`."""
    if raw is None:
        return "null"
    text = raw.decode(errors="backslashreplace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def exact(raw: bytes | None) -> str:
    """Every byte as in a Python literal: outside printable ASCII by its number, unambiguous."""
    return "null" if raw is None else repr(raw)[2:-1]


def as_line(record: InRecord) -> str:
    """A record on one line: when, partition/offset, key, value."""
    place = f"{record.partition}/{record.offset}"
    why = "" if record.cut is None else f"  ({unusable(record.cut)})"
    return f"{_when(record)}  {place}  {printable(record.key)}  {printable(record.value)}{why}"


def as_json(record: InRecord) -> str:
    """A record as one line of JSON; a value that is no JSON stands, escaped, as `bytes`."""
    shown: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": _when(record),
        "key": None if record.key is None else printable(record.key),
        "headers": {name: printable(value) for name, value in record.headers},
    }
    if record.cut is not None:
        shown["cut"] = str(unusable(record.cut))
    try:
        shown["value"] = None if record.value is None else orjson.loads(record.value)
    except orjson.JSONDecodeError:
        shown["bytes"] = exact(record.value)
    return json.dumps(shown, ensure_ascii=False)


def _when(record: InRecord) -> str:
    """A time as text; any other number that a source has put in its place as it is."""
    if 0 <= record.timestamp <= MOST_MILLISECONDS:
        return format_time(record.timestamp * 1000)
    return f"{record.timestamp} ms"
