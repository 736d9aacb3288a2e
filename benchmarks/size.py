"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

EVENTS_EACH = 99  # after the registration, so that a user makes a round hundred


@dataclass(frozen=True, slots=True)
class Size:
    """`users` make the log; the slow references get less of the same.

    The naive features get the events of the first `folded_by_naive` users, the naive scorer the
    first `scored_by_naive` requests that come of them.
    """

    name: str
    users: int
    folded_by_naive: int
    scored_by_naive: int
    rounds: int

    @property
    def events(self) -> int:
        """Events in the log."""
        return self.users * (EVENTS_EACH + 1)


FULL = Size("full", users=3_000, folded_by_naive=150, scored_by_naive=3_000, rounds=5)
QUICK = Size("quick", users=600, folded_by_naive=30, scored_by_naive=1_000, rounds=1)
