"""Windows: which events an aggregation takes in, and what it reads as of a moment.

Moments follow Welford (1962), "Note on a method for calculating corrected sums of squares and
products", one record at a time in log order, so that any split into batches gives the same bits.
Times are microseconds since the epoch, by event time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from pipeline.times import HOUR


class Moments(msgspec.Struct, gc=False):
    """Count, sum, mean and the sum of squared deviations (M2) of the values taken in."""

    count: int = 0
    sum: float = 0.0
    mean: float = 0.0
    m2: float = 0.0

    def add(self, value: float) -> None:
        """Take in one value (Welford's update)."""
        self.count += 1
        self.sum += value
        before = value - self.mean
        self.mean += before / self.count
        self.m2 += before * (value - self.mean)

    @property
    def var(self) -> float:
        """The sample variance, M2 / (count - 1); 0 while count < 2."""
        return self.m2 / (self.count - 1) if self.count > 1 else 0.0

    def copy(self) -> Moments:
        """An equal, independent value."""
        return Moments(self.count, self.sum, self.mean, self.m2)


class Window(Protocol):
    """Decides what counts, and reads what was taken in."""

    @property
    def anchor(self) -> str | None:
        """The event type whose first record opens the window for an entity, if one does."""
        ...

    @property
    def meaning(self) -> dict[str, object]:
        """What of the window changes a result, for the fingerprint."""
        ...

    def refusal(self, opened: int | None, at: int) -> str | None:
        """Why an event at `at` does not count; None when it does."""
        ...

    def read(self, state: Moments, as_of: int) -> Moments:
        """What the window holds as of `as_of`."""
        ...


@dataclass(frozen=True, slots=True)
class FirstDay:
    """From an entity's first `opens_with` record in the log, `hours` of event time, inclusive."""

    opens_with: str
    hours: int = 24

    @property
    def anchor(self) -> str:
        """The event type that opens it."""
        return self.opens_with

    @property
    def meaning(self) -> dict[str, object]:
        """Kind, anchor and length."""
        return {"kind": "first_day", "opens_with": self.opens_with, "hours": self.hours}

    def refusal(self, opened: int | None, at: int) -> str | None:
        """`not_open` before the first opening record, `before_window` or `after_window` by time."""
        if opened is None:
            return "not_open"
        if at < opened:
            return "before_window"
        return "after_window" if at > opened + self.hours * HOUR else None

    def read(self, state: Moments, as_of: int) -> Moments:  # noqa: ARG002 - a closed day never changes
        """All that was taken in, whenever it is read."""
        return state


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Everything since the log began."""

    @property
    def anchor(self) -> None:
        """Nothing opens it: it is always open."""
        return

    @property
    def meaning(self) -> dict[str, object]:
        """Only its kind."""
        return {"kind": "lifetime"}

    def refusal(self, opened: int | None, at: int) -> str | None:  # noqa: ARG002 - every event counts
        """Every event counts."""
        return None

    def read(self, state: Moments, as_of: int) -> Moments:  # noqa: ARG002 - it has no edge in time
        """All that was taken in, whenever it is read."""
        return state
