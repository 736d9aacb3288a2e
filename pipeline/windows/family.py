"""Windows that only fill: which events an aggregation takes in, told by the entity's own history.

Times are microseconds since the epoch, by event time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipeline.times import HOUR
from pipeline.windows.moments import Moments


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

    @property
    def labels(self) -> tuple[str, ...]:
        """What its features' names carry of it: one label for each length, here one and empty."""
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

    @property
    def labels(self) -> tuple[str, ...]:
        """It is an aggregation's only window."""
        return ("",)

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

    @property
    def labels(self) -> tuple[str, ...]:
        """It is an aggregation's only window."""
        return ("",)

    def refusal(self, opened: int | None, at: int) -> str | None:  # noqa: ARG002 - every event counts
        """Every event counts."""
        return None

    def read(self, state: Moments, as_of: int) -> Moments:  # noqa: ARG002 - it has no edge in time
        """All that was taken in, whenever it is read."""
        return state
