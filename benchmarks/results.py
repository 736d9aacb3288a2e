"""From the figures of all rounds to ratios, each with its median. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.course import Figures

Rate = Literal["rate", "cpu_rate", "answers"]

NAIVE = "naive"
LIMIT = "bare consume"
"""The stage that does nothing but consume: the limit of all that read with aiokafka."""

_NAIVE: tuple[tuple[str, Rate, float | None], ...] = (
    ("stream_features", "rate", 80.0),
    ("stream_features", "cpu_rate", None),
    ("serving", "rate", 100.0),
    ("serving", "cpu_rate", None),
    ("inference_logger", "cpu_rate", 2.5),
    ("inference_logger", "rate", None),
)
_OURS: tuple[tuple[str, str, float | None], ...] = (
    ("event_handler", "stream_features", 1.0),
    (LIMIT, "stream_features", None),
)


@dataclass(frozen=True, slots=True)
class Round:
    """One stage in one round: ours, the naive where there is one, and ours again as a control."""

    ours: Figures
    naive: Figures | None
    again: Figures


Rounds = Mapping[str, Sequence[Round]]
"""The rounds of each stage, by its name."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times `over` is as fast as `under`, round by round; at least `target`, if any."""

    over: str
    under: str
    by: Rate
    rounds: tuple[float, ...]
    target: float | None = None

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return median(self.rounds)

    @property
    def met(self) -> bool:
        """Whether the target is met; true of a ratio that has none."""
        return self.target is None or self.median >= self.target


def ratios(rounds: Rounds) -> list[Ratio]:
    """What the rounds say of the targets."""
    return [*_to_naive(rounds), *_to_each_other(rounds)]


def noise(rounds: Rounds) -> list[Ratio]:
    """The same code against itself: what these ratios are away from 1 is the machine's doing."""
    return [
        Ratio(
            f"{name} again", name, "rate", tuple(one.again.rate / one.ours.rate for one in of_stage)
        )
        for name, of_stage in rounds.items()
    ]


def _to_naive(rounds: Rounds) -> Iterator[Ratio]:
    for name, by, target in _NAIVE:
        found = tuple(
            getattr(one.ours, by) / getattr(one.naive, by)
            for one in rounds.get(name, ())
            if one.naive is not None
        )
        if found:
            yield Ratio(name, NAIVE, by, found, target)


def _to_each_other(rounds: Rounds) -> Iterator[Ratio]:
    for over, under, target in _OURS:
        both = zip(rounds.get(over, ()), rounds.get(under, ()), strict=False)
        found = tuple(one.ours.rate / other.ours.rate for one, other in both)
        if found:
            yield Ratio(over, under, "rate", found, target)
