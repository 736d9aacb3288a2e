"""What a comparison comes to: plain values, for gates, records and people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEAST_USERS = 30
"""A rate of fewer users says nothing of a group."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and from where to where the truth is likely to be."""

    value: float
    low: float
    high: float

    @property
    def is_below_zero(self) -> bool:
        """Beyond doubt."""
        return self.high < 0

    @property
    def is_above_zero(self) -> bool:
        """Beyond doubt."""
        return self.low > 0

    def is_within(self, margin: float) -> bool:
        """Whether the truth is beyond doubt nearer to zero than `margin`."""
        return -margin < self.low and self.high < margin

    def __str__(self) -> str:
        return f"{self.value:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True, slots=True)
class Figures:
    """How good one model is on the common rows.

    `calibration_error` is the mean distance of probability and frequency over ten bins of equal
    width (Naeini et al., AAAI 2015); with few users most of it is chance. `gaps` are the largest
    differences of the rates of false alarms, and of misses, between two groups of users: by a
    looked-up feature, or by age. None where no two groups have LEAST_USERS users of that label.
    """

    log_loss: float
    auc: float | None
    calibration_error: Interval
    gaps: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both, and what the challenger has more of, with intervals: below zero it is better."""

    rows: int
    users: int
    champion: Figures
    challenger: Figures
    log_loss: Interval
    calibration_error: Interval
