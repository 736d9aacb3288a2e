"""The best possible probabilities, where a use case's world is known exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from pipeline.declaration import UseCase
from training.table import Floats

Optimum = Callable[[UseCase, Floats], Floats]

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


def first_day_churn(case: UseCase, inputs: Floats) -> Floats:
    """The Bayes posterior of churn from the 13 features; amounts say nothing there."""
    index, bets, wins = (
        inputs[:, case.inputs.index(name)]
        for name in ("socioeconomic_idx", "bet_count", "win_count")
    )
    log_odds = _PRIOR + np.array(_INDEX)[index.astype(np.int64)] + bets * _BET + wins * _WIN
    posterior: Floats = 1 / (1 + np.exp(-log_odds))
    return posterior


OPTIMA: Mapping[str, Optimum] = {"first_day_churn": first_day_churn}
