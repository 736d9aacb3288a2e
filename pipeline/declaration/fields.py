"""The typed fields of an event: what a value may be, and what it means to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

INT64_LOW, INT64_HIGH = -(2**63), 2**63 - 1
MOST_NUMBER = 1e100
"""No number is further from 0: then no sum of squares that anyone adds up is infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One declared field of an event.

    `personal` fields never go past the event log; `outcome` fields are what a model is to
    predict: logged for training, never in a feature or a score.
    """

    name: str
    required: bool = False
    personal: bool = False
    outcome: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Field):
    """A JSON string of at most `max_bytes` bytes of UTF-8."""

    max_bytes: int = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Field):
    """A JSON number without a fraction, `low` to `high`, limits included."""

    low: int = INT64_LOW
    high: int = INT64_HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Field):
    """A finite JSON number, `low` to `high`, limits included; carried as a double.

    Limits are within `MOST_NUMBER`.
    """

    low: float = -1e18
    high: float = 1e18
