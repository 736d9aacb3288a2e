"""What is remembered of somebody, as the fields of a hash in Redis. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import Fatal
from pipeline.offers.deciding import NEW, History
from pipeline.state import Raw

FIELDS = ("over_at", "given_at", "open_for")
KIND = "offers"
"""Of its keys in Redis."""


def encode(history: History) -> list[str | bytes]:
    """The values of `FIELDS`: microseconds, microseconds with commas in between, and a reason."""
    over_at = "" if history.over_at is None else str(history.over_at)
    return [over_at, ",".join(map(str, history.given_at)), history.open_for]


def decode(values: Sequence[Raw]) -> History:
    """The inverse; of whom nothing is stored nothing is remembered. Raises Fatal."""
    if all(value is None for value in values):
        return NEW
    try:
        over_at, given_at, open_for = (_text(value) for value in values)
        given = tuple(int(at) for at in given_at.split(",") if at)
        return History(int(over_at) if over_at else None, given, open_for)
    except ValueError as error:
        raise Fatal("what is remembered of an entity's offers cannot be read") from error


def _text(value: Raw) -> str:
    if value is None:
        raise ValueError
    return value.decode()
