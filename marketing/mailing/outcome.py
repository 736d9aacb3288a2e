"""What became of a yes: the ledger's entry, and the record of `offer-mails`."""

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


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An outcome as the ledger keeps it, `at` being RFC 3339; it does not say whose it is."""

    outcome: Fate
    reason: str | None
    at: str


def entry_of(outcome: Outcome, now: int) -> bytes:
    """The ledger's entry of an outcome known at `now`, in microseconds."""
    return msgspec.json.encode(Entry(outcome.fate, outcome.reason, format_time(now)))


def record_of(case: UseCase, order: Order, entry: bytes) -> bytes:
    """The value of a record of `offer-mails`, out of the ledger's entry."""
    settled = msgspec.json.decode(entry, type=Entry)
    return msgspec.json.encode(
        {
            "schema_version": SCHEMA_VERSION,
            "id": order.id,
            "at": settled.at,
            case.entity: order.entity,
            "outcome": settled.outcome.value,
            "reason": settled.reason,
        }
    )
