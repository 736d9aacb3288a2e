"""The course of one run: samples over time, and the figures in them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Sample(NamedTuple):
    """A moment (s), the effects that were in by then, processor time (s) and memory (bytes)."""

    at: float
    effects: int
    cpu: float
    resident: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run amounts to. Rates are records per second of time, and of processor time."""

    seconds: float
    rate: float
    cpu_rate: float
    resident_at_quarter: int
    resident_at_end: int


def figures(samples: Sequence[Sample], records: int, effects: int) -> Figures:
    """The figures between the first sample with an effect and the last one.

    What was done before the first sample does not count, nor does the time that it took: a start
    is not part of a rate. `records` are what all `effects` together stand for.
    """
    first = next(sample for sample in samples if sample.effects > 0)
    last = samples[-1]
    quarter = next(sample for sample in samples if 4 * sample.effects >= effects)
    done = records * (last.effects - first.effects) / effects
    return Figures(
        seconds=last.at - first.at,
        rate=_per(done, last.at - first.at),
        cpu_rate=_per(done, last.cpu - first.cpu),
        resident_at_quarter=quarter.resident,
        resident_at_end=last.resident,
    )


def _per(done: float, seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("the run was over at its first sample: measure more records")
    return done / seconds
