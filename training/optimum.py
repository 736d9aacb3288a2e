"""The best possible probabilities, where a use case's world is known exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.declaration import UseCase
from pipeline.events import Event
from training.table import Floats
from training.witness import Witness

RAW_OPTIMUM = "raw_optimum"
"""The best possible probability from the raw log, beside a row."""

_CERTAIN = 30.0  # log-odds that stand for what cannot be
_PRIOR = math.log(0.70 / 0.30)
_BET = math.log(0.89 / 0.85)
_WIN = math.log(0.01 / 0.05)
_INDEX = (  # log-likelihood ratio of the index, 0 to 7; 0 is the default and says nothing
    0.0,
    _CERTAIN,
    _CERTAIN,
    math.log(2),
    0.0,
    -math.log(2),
    -_CERTAIN,
    -_CERTAIN,
)
_POSTCODE = (0.0, _CERTAIN, -_CERTAIN)  # by its remainder: 1 only who churns, 2 only who stays
_KINDS = {"bet": _BET, "win": _WIN}
_SECOND = 1_000_000
_LONGEST_GAP = 100 * _SECOND  # of who was not away
_REMAINING = 30 * 3_600 * _SECOND  # who has less time left is not away any more
_STAYED_HERE = -math.log(1 - 0.005)


@dataclass(frozen=True, slots=True)
class Optimum:
    """A world's exact posterior of churn: from the model's inputs, and from the log up to `end`."""

    of_inputs: Callable[[UseCase, Floats], Floats]
    of_log: Callable[[int], Witness]


def first_day_churn(case: UseCase, inputs: Floats) -> Floats:
    """The Bayes posterior of churn from the 13 features; amounts say nothing there."""
    index, bets, wins = (
        inputs[:, case.inputs.index(name)]
        for name in ("socioeconomic_idx", "bet_count", "win_count")
    )
    log_odds = _PRIOR + np.array(_INDEX)[index.astype(np.int64)] + bets * _BET + wins * _WIN
    posterior: Floats = 1 / (1 + np.exp(-log_odds))
    return posterior


class FirstDayLog:
    """The Bayes posterior of churn from all of the log: the postcode, every event, each absence.

    The world ends at `end`, in microseconds.
    """

    fields = ("postcode",)

    def __init__(self, end: int) -> None:
        self._end = end
        self._log_odds: dict[str, float] = {}
        self._newest: dict[str, int] = {}

    def observe(self, event: Event) -> None:
        """Take in the next event."""
        before = self._log_odds.get(event.entity, _PRIOR)
        said = _KINDS.get(event.event_type, 0.0) + self._gap(event) + _postcode(event)
        self._log_odds[event.entity] = before + said
        self._newest[event.entity] = event.at

    def of(self, entity: str) -> float:
        """The posterior as of the entity's newest event."""
        return 1 / (1 + math.exp(-self._log_odds.get(entity, _PRIOR)))

    def _gap(self, event: Event) -> float:
        """Only who stays is ever away, and not shortly before the end."""
        newest = self._newest.get(event.entity)
        if newest is None:
            return 0.0
        if event.at - newest > _LONGEST_GAP:
            return -_CERTAIN
        return _STAYED_HERE if self._end - newest >= _REMAINING else 0.0


def _postcode(event: Event) -> float:
    postcode = event.values.get("postcode")
    return 0.0 if postcode is None else _POSTCODE[postcode % 3]


OPTIMA: Mapping[str, Optimum] = {"first_day_churn": Optimum(first_day_churn, FirstDayLog)}
