"""Reads records of `offers`: who is to be written to."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.rejection import refuse_longer
from pipeline.times import parse_canonical
from pipeline.validation import check_entity

YES = "yes"
_UNREADABLE = "not_an_offer"
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,400}")  # it becomes a key, and a header of the e-mail


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
        self._entity = case.entity
        wanted: Any = msgspec.defstruct("Wanted", fields, rename={"entity": case.entity})
        self._decode = msgspec.json.Decoder(wanted).decode

    def decode(self, value: bytes | None) -> Order:
        """The decision in `value`. Raises DataError for what is none."""
        text = value or b""
        refuse_longer(text)
        try:
            found = self._decode(text)
            decided_at = parse_canonical(found.decided_at)
        except (ValueError, RecursionError):  # of JSON, of bytes, of a time, and of nesting
            raise DataError(_UNREADABLE) from None
        if _ID.fullmatch(found.id) is None:
            raise DataError(_UNREADABLE)
        check_entity(found.entity, self._entity)
        return Order(found.id, found.entity, decided_at, found.probability, found.offer == YES)
