"""What the event handler must make of a valid record, by the contract's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.declaration import Integer, Number, UseCase

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def canonical(case: UseCase, value: bytes) -> dict[str, Any]:
    """The content of the canonical record."""
    content: dict[str, Any] = json.loads(value)
    (event,) = [one for one in case.events if content["event_type"] in (one.name, *one.aliases)]
    content["event_type"] = event.name
    content["event_time"] = text_of(moment(content["event_time"]))
    content["schema_version"] = 1
    for field in event.fields:
        given = content.get(field.name)
        if given is not None and isinstance(field, Number):
            content[field.name] = float(given)
        if given is not None and isinstance(field, Integer):
            content[field.name] = int(given)
    return content


def moment(text: str) -> datetime:
    """A time as a source writes it; one that names no zone is in UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def text_of(at: datetime) -> str:
    """RFC 3339 with six digits."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)
