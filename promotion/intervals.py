"""How sure a difference is: by resampling users once, or as often as one looks. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from promotion.figures import Interval
from training.table import Floats

ALPHA = 0.05
"""The chance that an interval misses what it is about."""

DRAWS = 1_000
_TUNED_FOR = 1_000  # users at which the sequence is tightest


Statistic = Callable[[Floats], Floats]
"""From totals (draws, columns) to a number for each draw."""


def resampled(sums: Floats, seed: int, draws: int = DRAWS) -> Floats:
    """Totals of as many users drawn with replacement: (draws, columns) from (users, columns).

    The rows of one user are not independent, so users are drawn whole (the cluster bootstrap:
    Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8).
    """
    dice = np.random.default_rng(seed)
    users = len(sums)
    drawn = (dice.integers(users, size=users) for _ in range(draws))
    return np.stack([np.bincount(one, minlength=users) @ sums for one in drawn])


def interval(statistic: Statistic, sums: Floats, totals: Floats) -> Interval:
    """Of a statistic of users' `sums`: the 2.5 % and 97.5 % quantiles over resampled `totals`."""
    low, high = np.quantile(statistic(totals), (ALPHA / 2, 1 - ALPHA / 2))
    (value,) = statistic(sums.sum(axis=0, keepdims=True))
    return Interval(float(value), float(low), float(high))


def mirrored(statistic: Statistic, sums: Floats, totals: Floats) -> Interval:
    """Of a statistic that chance alone makes larger, such as a mean of absolute values.

    Resampling adds as much chance again as the users had: the quantiles, mirrored at the estimate,
    take it off (the basic bootstrap: Davison and Hinkley 1997, section 5.2).
    """
    found = interval(statistic, sums, totals)
    low, high = 2 * found.value - found.high, 2 * found.value - found.low
    return Interval(found.value, max(low, 0.0), max(high, 0.0))


def confidence_sequence(values: Floats) -> Interval:
    """The mean of independent values, one for each user, with an interval for any stopping time.

    Over all looks together, one after each new value, it misses the truth in 5 % of trials. It is
    the asymptotic confidence sequence of Waudby-Smith et al., Time-uniform central limit theory
    and asymptotic confidence sequences, Annals of Statistics 52 (2024), theorem 2.2.
    """
    count, mean = len(values), float(np.mean(values))
    tuning = (-2 * math.log(ALPHA) + math.log(1 - 2 * math.log(ALPHA))) / _TUNED_FOR
    grown = count * tuning + 1
    margin = math.sqrt(2 * grown * math.log(math.sqrt(grown) / ALPHA) / (count**2 * tuning))
    radius = float(np.std(values)) * margin
    return Interval(mean, mean - radius, mean + radius)
