"""The highest rate that is kept up with, by trial. Pure but for the trial."""

from __future__ import annotations

from collections.abc import Callable

Holds = Callable[[float], bool]


def highest(holds: Holds, lowest: float, halvings: int) -> float:
    """Double from `lowest` until a rate does not hold, then halve the gap so many times.

    0 where not even `lowest` holds.
    """
    if not holds(lowest):
        return 0.0
    held, failed = lowest, 2 * lowest
    while holds(failed):
        held, failed = failed, 2 * failed
    for _ in range(halvings):
        middle = (held + failed) / 2
        held, failed = (middle, failed) if holds(middle) else (held, middle)
    return held
