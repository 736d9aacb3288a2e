"""From the figures of all rounds to ratios, each with its median. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.course import Figures

Rate = Literal["rate", "cpu_rate"]

_NAIVE: tuple[tuple[str, Rate, float | None], ...] = (
    ("stream_features", "rate", 25.0),
    ("stream_features", "cpu_rate", None),
    ("serving", "rate", 20.0),
    ("serving", "cpu_rate", None),
    ("inference_logger", "cpu_rate", 2.0),
    ("inference_logger", "rate", None),
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


def ratios(rounds: Rounds) -> list[Ratio]:
    """What the rounds say of the targets."""
    return [*_to_naive(rounds), *_handler_to_features(rounds)]


def noise(rounds: Rounds) -> list[Ratio]:
    """The same code against itself: what these ratios are away from 1 is the machine's doing."""
    return [
        Ratio(name, name, "rate", tuple(one.again.rate / one.ours.rate for one in of_stage))
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
            yield Ratio(name, "naive", by, found, target)


def _handler_to_features(rounds: Rounds) -> Iterator[Ratio]:
    names = ("event_handler", "stream_features")
    both = zip(*(rounds.get(name, ()) for name in names), strict=False)
    found = tuple(handler.ours.rate / features.ours.rate for handler, features in both)
    if found:
        yield Ratio(*names, "rate", found, 1.0)
