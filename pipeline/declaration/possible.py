"""Which values a feature can have at all, out of the declaration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.declaration.fields import Integer, Number
from pipeline.declaration.use_case import Aggregation, UseCase
from pipeline.windows.kept import DISTINCT, MOST_DISTINCT, WHOLE

MOST_COUNTED = 2**53
"""Beyond it a double no longer holds every whole number."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Span:
    """The values from `low` to `high`, limits included; of `is_whole` ones only integers."""

    low: float = float("-inf")
    high: float = float("inf")
    is_whole: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.is_whole else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"


def possible(case: UseCase) -> Mapping[str, Span]:
    """What each feature can be; a looked-up one is any finite number."""
    lookups = {lookup.name: Span() for lookup in case.lookups}
    aggregated = {
        name: _span_of(name.rpartition("_")[2], _limits(case, one))
        for one in case.aggregations
        for name in one.features
    }
    return {**lookups, **aggregated}


def _limits(case: UseCase, one: Aggregation) -> tuple[float, float]:
    """Of the field that it is of; nothing at all is told as 0. A text has none."""
    field = case.event(one.event).field(one.of)
    if not isinstance(field, Integer | Number):
        return 0.0, 0.0
    return min(0.0, float(field.low)), max(0.0, float(field.high))


def _span_of(statistic: str, limits: tuple[float, float]) -> Span:
    low, high = limits
    if statistic in WHOLE:
        return Span(0, MOST_DISTINCT if statistic == DISTINCT else MOST_COUNTED, is_whole=True)
    if statistic == "var":
        return Span(0, (high - low) ** 2)
    if statistic == "sum":
        return Span(low * MOST_COUNTED, high * MOST_COUNTED)
    return Span(low * (1 + _ROUNDING), high * (1 + _ROUNDING))
