"""The one seam through which a process learns the time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Tells wall-clock time, for records, and monotonic time, for durations."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        return time.monotonic()


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until it is moved: for tests and for replays."""

    at: int = 0

    def now(self) -> int:
        """The microseconds it was set to."""
        return self.at

    def monotonic(self) -> float:
        """The same instant in seconds."""
        return self.at / 1e6
