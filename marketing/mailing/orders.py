"""Reads records of `offers`: who is to be written to."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.times import parse_time

YES = "yes"
_UNREADABLE = "not_an_offer"


class Order(msgspec.Struct, frozen=True, gc=False):
    """A decision about an offer: whose, when (microseconds), and by which probability."""

    id: str
    entity: str
    decided_at: int
    probability: float
    is_yes: bool


class OrderDecoder:
    """Reads the decisions of one use case."""

    def __init__(self, case: UseCase) -> None:
        fields = [
            ("id", str),
            ("entity", str),
            ("decided_at", str),
            ("probability", float),
            ("offer", str),
        ]
        wanted: Any = msgspec.defstruct("Wanted", fields, rename={"entity": case.entity})
        self._decode = msgspec.json.Decoder(wanted).decode

    def decode(self, value: bytes | None) -> Order:
        """The decision in `value`. Raises DataError for what is none."""
        try:
            found = self._decode(value or b"")
            decided_at = parse_time(found.decided_at)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError):
            raise DataError(_UNREADABLE) from None
        return Order(found.id, found.entity, decided_at, found.probability, found.offer == YES)
