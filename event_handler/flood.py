"""Is this a flood: a wrong topic rather than bad luck? Pure; time is an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 60.0
LEAST_RECORDS = 1_000


@dataclass(slots=True)
class Flood:
    """Counts the last minute's records, and how many of them were rejected.

    A flood is more than `share` of them; fewer than a thousand records are none. Share 1 is never.
    """

    share: float
    _counts: deque[tuple[float, int, int]] = field(default_factory=deque)
    _records: int = 0
    _rejected: int = 0

    def count(self, now: float, records: int, rejected: int) -> None:
        """So many records came at `now`, in seconds that never go back; some were rejected."""
        self._counts.append((now, records, rejected))
        self._records += records
        self._rejected += rejected
        while self._counts[0][0] <= now - WINDOW_SECONDS:
            _, old, old_rejected = self._counts.popleft()
            self._records -= old
            self._rejected -= old_rejected

    def rejected_share(self) -> float | None:
        """What share was rejected, where that is a flood as of the last count; else None."""
        if self._records < LEAST_RECORDS or self._rejected <= self.share * self._records:
            return None
        return self._rejected / self._records

    def forget(self) -> None:
        """Begin anew."""
        self._counts.clear()
        self._records = self._rejected = 0
