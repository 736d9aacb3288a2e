"""Offsets that should all be there, each once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """The records that a partition holds: from offset `start` to before `end`."""

    start: int
    end: int


def each_once(place: str, offsets: Integers, span: Span) -> list[str]:
    """What is wrong with `offsets`: missing, there more than once, or beyond the end.

    What the topic has deleted by now may be there, but then without a hole.
    """
    found, counts = np.unique(offsets, return_counts=True)
    first = min(span.start, int(found[0])) if len(found) else span.start
    missing = np.setdiff1d(np.arange(first, span.end), found, assume_unique=True)
    return [
        *(f"{place}/{offset} is missing" for offset in missing),
        *(f"{place}/{offset} is there more than once" for offset in found[counts > 1]),
        *(f"{place}/{offset} is beyond the end" for offset in found[found >= span.end]),
    ]
