"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

EVENTS_EACH = 99  # after the registration, so that a user makes a round hundred


@dataclass(frozen=True, slots=True)
class Extent:
    """How much the parts measure, which are not rounds of a stage.

    `many` users that have a state, of whom a round visits `visited`; seconds of each latency run
    and of each step of the search for the highest rate (0: no search); worker counts and partition
    counts (none: no scale); users whose states are weighed; starts of `pipeline up`;
    seconds for which a server is asked.
    """

    many: int
    visited: int
    steady_seconds: int
    search_seconds: int
    workers: tuple[int, ...]
    partitions: tuple[int, ...]
    weighed: tuple[int, ...]
    starts: int
    asked_seconds: float


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

    @property
    def extent(self) -> Extent:
        """What goes with the size of this name."""
        return _EXTENTS[self.name]


FULL = Size("full", users=3_000, folded_by_naive=150, scored_by_naive=3_000, rounds=5)
QUICK = Size("quick", users=600, folded_by_naive=30, scored_by_naive=1_000, rounds=1)

_EXTENTS = {
    "full": Extent(
        many=1_000_000,
        visited=100_000,
        steady_seconds=30,
        search_seconds=10,
        workers=(1, 2, 4),
        partitions=(8, 64),
        weighed=(100_000, 1_000_000),
        starts=3,
        asked_seconds=2,
    ),
    "quick": Extent(
        many=20_000,
        visited=10_000,
        steady_seconds=10,
        search_seconds=0,
        workers=(),
        partitions=(),
        weighed=(20_000,),
        starts=1,
        asked_seconds=1,
    ),
}
