"""Windows that only fill: which events an aggregation takes in, told by the entity's own history.

Times are microseconds since the epoch, by event time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipeline.times import HOUR


class Window(Protocol):
    """Decides what counts, and then is in it whenever it is read; only `Rolling` ones let go."""

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
