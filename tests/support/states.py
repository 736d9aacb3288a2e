"""States of the default case, made of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from pipeline.state import EntityState
from pipeline.windows import Moments


def state_of(
    looked_up: Sequence[float],
    opened: list[int | None],
    moments: list[Moments],
    recent: bytes = b"",
    newest: int | None = None,
) -> EntityState:
    """A state whose features are what its moments say."""
    told = chain.from_iterable(one.statistics for one in moments)
    return EntityState([*looked_up, *told], opened, moments, recent, newest)
