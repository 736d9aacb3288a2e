"""What became of a yes: the record of `offer-mails`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from marketing.mailing.orders import Order
from pipeline.declaration import UseCase
from pipeline.times import format_time

SCHEMA_VERSION = 1


class Fate(StrEnum):
    """`unknown` is what may have been sent: nobody tries it again."""

    SENT = "sent"
    WITHHELD = "withheld"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it, and why it was not sent: a reason, or the mail server's code."""

    fate: Fate
    reason: str | None = None


def record_of(case: UseCase, order: Order, outcome: Outcome, now: int) -> bytes:
    """The value of a record of `offer-mails`."""
    return msgspec.json.encode(
        {
            "schema_version": SCHEMA_VERSION,
            "id": order.id,
            "at": format_time(now),
            case.entity: order.entity,
            "outcome": outcome.fate.value,
            "reason": outcome.reason,
        }
    )
