"""What is found besides the rounds of the stages: ratios, and measures in units of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.results import Ratio


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity, round by round; `at_most` is its target, if it has one."""

    name: str
    unit: str
    rounds: tuple[float, ...]
    at_most: float | None = None

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return median(self.rounds)

    @property
    def met(self) -> bool:
        """Whether the target is met; true of a measure that has none."""
        return self.at_most is None or self.median < self.at_most


@dataclass(frozen=True, slots=True)
class Findings:
    """What one part has found."""

    ratios: tuple[Ratio, ...] = ()
    measures: tuple[Measure, ...] = ()


Parts = Mapping[str, Findings]
"""What each part has found, by its name."""
