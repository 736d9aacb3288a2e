"""From what a decision costs to the probability from which on it says churn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.errors import SettingsError
from training.table import Flags, Floats, Integers

_DIGITS = 6
_GRID = 100  # thresholds tried when looking for the cheapest


@dataclass(frozen=True, slots=True)
class Costs:
    """What an offer costs, and what a churner costs who got none, in one unit.

    An offer is taken to keep whoever would have churned. Raises SettingsError unless an offer
    costs something, and less than a churner.
    """

    offer: float = 1.0
    churner: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.offer < self.churner:
            raise SettingsError(
                f"an offer of {self.offer:g} against a churner of {self.churner:g} never pays",
                "In --costs name an offer above 0 and a churner above that",
            )

    @property
    def threshold(self) -> float:
        """From where on an offer pays, if probabilities are calibrated (Elkan 2001, eq. 2)."""
        return round(self.offer / self.churner, _DIGITS)

    def mean(self, labels: Integers, offered: Flags) -> float:
        """The mean cost of a score."""
        missed = (labels == 1) & ~offered
        return float(np.mean(np.where(offered, self.offer, missed * self.churner)))


USUAL = Costs()
"""A churner costs two offers, so that it says churn from one half on."""


def cost_figures(costs: Costs, labels: Integers, probabilities: Floats) -> dict[str, Any]:
    """The mean cost of a score by the threshold, by the cheapest one, and by asking no model."""
    grid = np.arange(1, _GRID) / _GRID
    by_threshold = [costs.mean(labels, probabilities >= one) for one in grid]
    cheapest = int(np.argmin(by_threshold))
    means = {
        "by_threshold": costs.mean(labels, probabilities >= costs.threshold),
        "by_cheapest": by_threshold[cheapest],
        "offer_to_all": costs.mean(labels, np.ones(len(labels), dtype=np.bool_)),
        "offer_to_none": costs.mean(labels, np.zeros(len(labels), dtype=np.bool_)),
    }
    rounded = {name: round(mean, _DIGITS) for name, mean in means.items()}
    return {**asdict(costs), **rounded, "cheapest_threshold": float(grid[cheapest])}
