"""Inferences, contacts and decisions as the stage reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from pipeline.offers.contacts import Table
from pipeline.offers.deciding import Contact
from pipeline.records import InRecord, OutRecord
from pipeline.times import HOUR, format_time
from tests.support.events import NOON, caused_by, consumed
from tests.support.fakes import Records

DAY = 24 * HOUR


def contact(**changes: Any) -> Contact:
    """Someone who may be written to, but for what is changed."""
    usual = {
        "email": "someone@example.com",
        "time_zone": ZoneInfo("UTC"),
        "consent": True,
        "self_excluded": False,
        "harm": False,
    }
    return Contact(**{**usual, **changes})


@dataclass
class FakeContacts:
    """Everyone in it is willing at first; `None` cannot be read."""

    now: Table | None = field(
        default_factory=lambda: Table("v1", {name: contact() for name in "abcdef"})
    )

    def table(self) -> Table | None:
        return self.now


def inference(user: str = "a", probability: Any = 0.9, at: int = NOON, **more: Any) -> Any:
    """A score as `serving` writes it, as far as this stage reads it."""
    return {
        "schema_version": 1,
        "id": "somewhere",
        "scored_at": format_time(at),
        "user_id": user,
        "event_time": format_time(at),
        "as_of": format_time(at),
        "model": "first_day_churn",
        "version": "7",
        "features": {"bet_sum": 1.0},
        "probability": probability,
        "decision": "churn",
        **more,
    }


def log_of(*contents: Any, start: int = 0) -> Records:
    """A partition of `inferences`, from an offset on; a control record gets an origin."""
    return [_logged(content, offset) for offset, content in enumerate(contents, start)]


def _logged(content: Any, offset: int) -> InRecord:
    headers = caused_by(100 + offset)
    if isinstance(content, OutRecord):
        key, value = content.key, content.value
        headers = (*content.headers, headers[0])
    else:
        key = b"a"
        value = content if isinstance(content, bytes | None) else orjson.dumps(content)
    return consumed(value, topic="inferences", offset=offset, key=key, headers=headers)


def told(records: list[OutRecord]) -> list[dict[str, Any]]:
    """Their contents."""
    return [orjson.loads(record.value or b"") for record in records]
