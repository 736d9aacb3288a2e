"""Events of the default case, and records as a consumer hands them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from pipeline.kafka.feed import Batch
from pipeline.origin import HEADER, TIME_HEADER, Origin
from pipeline.records import Headers, InRecord, OutRecord
from pipeline.times import format_time, parse_time

NOON = parse_time("2025-06-01T12:00:00Z")
SECOND = 1_000_000
INCOMING_ID = "incomingincomingincomi"
SOURCE_ID = "sourcesourcesourcesour"
V1, V2, UNKNOWN = "1" * 16, "2" * 16, "9" * 16
"""Versions of a lookup's table, the third of one that is nowhere."""


def event(kind: str, user: str = "u1", at: int = NOON, **fields: Any) -> dict[str, Any]:
    """An event as `event_handler` writes it; fields that are None are left out."""
    content = {
        "user_id": user,
        "event_type": kind,
        "event_time": format_time(at),
        "schema_version": 1,
        **fields,
    }
    return {name: value for name, value in content.items() if value is not None}


def registration(user: str = "u1", at: int = NOON, **fields: Any) -> dict[str, Any]:
    return event("registration", user, at, **fields)


def purchase(amount: float, user: str = "u1", at: int = NOON, **fields: Any) -> dict[str, Any]:
    return event("purchase", user, at, amount=float(amount), **fields)


def bet(amount: float, user: str = "u1", at: int = NOON, **fields: Any) -> dict[str, Any]:
    return event("bet", user, at, bet_amount=float(amount), **fields)


def win(amount: float, user: str = "u1", at: int = NOON, **fields: Any) -> dict[str, Any]:
    return event("win", user, at, win_amount=float(amount), **fields)


def consumed(
    value: bytes | None,
    *,
    topic: str = "incoming-events",
    partition: int = 0,
    offset: int = 0,
    key: bytes | None = None,
    headers: Headers = (),
    timestamp: int = NOON // 1000,
) -> InRecord:
    """A record as the feed hands it over; `timestamp` in milliseconds."""
    return InRecord(topic, partition, offset, timestamp, key, value, tuple(headers))


def changed(record: InRecord, **changes: Any) -> InRecord:
    """The record with other values in some of its fields."""
    return msgspec.structs.replace(record, **changes)


def caused_by(offset: int, partition: int = 0, index: int = 0) -> Headers:
    """The headers that a stage gives to a record that this source record caused."""
    origin = Origin(SOURCE_ID, partition, offset, index)
    return ((HEADER, origin.encode()), (TIME_HEADER, b"%d" % (NOON // 1000)))


def log_of(contents: Sequence[Mapping[str, Any] | OutRecord], partition: int = 0) -> list[InRecord]:
    """A partition of `incoming-events`: events with origins of their own, and records as given."""
    return [_logged(content, partition, offset) for offset, content in enumerate(contents)]


def _logged(content: Mapping[str, Any] | OutRecord, partition: int, offset: int) -> InRecord:
    if isinstance(content, OutRecord):
        key, headers = content.key, content.headers
        return consumed(content.value, partition=partition, offset=offset, key=key, headers=headers)
    return consumed(
        orjson.dumps(content),
        partition=partition,
        offset=offset,
        key=str(content["user_id"]).encode(),
        headers=caused_by(offset, partition),
    )


def batch_of(records: Sequence[InRecord], reading: int = 1, start: int | None = None) -> Batch:
    """One poll's records of a partition."""
    first = records[0]
    return Batch(
        first.topic,
        INCOMING_ID,
        first.partition,
        first.offset if start is None else start,
        reading,
        records,
    )
