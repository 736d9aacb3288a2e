"""From what was seen at which moment to how long it took. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Mark(NamedTuple):
    """At `at` (s since the epoch) a reader found that `partition` was applied up to `offset`."""

    partition: int
    offset: int
    at: float


class Cause(NamedTuple):
    """A record on its way: where it is, and when its cause was appended (s since the epoch)."""

    partition: int
    offset: int
    caused_at: float


def waited(causes: Iterable[Cause], marks: Iterable[Mark]) -> Floats:
    """Seconds from each cause to the first mark at or beyond it. Raises ValueError without one."""
    seen: dict[int, list[Mark]] = {}
    for mark in marks:
        seen.setdefault(mark.partition, []).append(mark)
    return np.concatenate(
        [np.empty(0), *(_waited(of, seen.get(number, [])) for number, of in _grouped(causes))]
    )


def p50_p99(seconds: Floats) -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds. Raises ValueError where nothing is."""
    if not len(seconds):
        raise ValueError("nothing was seen in time")
    p50, p99 = np.percentile(seconds * 1e3, [50, 99])
    return float(p50), float(p99)


def _grouped(causes: Iterable[Cause]) -> Iterable[tuple[int, list[Cause]]]:
    groups: dict[int, list[Cause]] = {}
    for cause in causes:
        groups.setdefault(cause.partition, []).append(cause)
    return groups.items()


def _waited(causes: list[Cause], marks: list[Mark]) -> Floats:
    offsets = np.maximum.accumulate([mark.offset for mark in marks] or [-1])
    found = np.searchsorted(offsets, [cause.offset for cause in causes], side="left")
    if not marks or int(found.max()) == len(marks):
        raise ValueError("a record was never seen as applied")
    at = np.asarray([mark.at for mark in marks])
    waiting: Floats = at[found] - np.asarray([cause.caused_at for cause in causes])
    return waiting
