"""Invented subscribers. In one world churn depends on them as declared, in the other on nothing.

In the plain one three of ten cancel whoever they are, so that no model can know more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.declaration.form_world import Drawn, FormWorld
from pipeline.dice import Column, Dice

_STREAM = 11  # of the dice: no other world's
_CONTRACTS = ("Month-to-month", "One year", "Two year")
_BASE_RATE = 0.3

_BASE = 0.8
_BY_MONTH, _BY_USAGE, _BY_YEAR, _BY_EURO = -0.035, -0.03, -0.015, 0.012
_USUAL_USAGE, _USUAL_AGE, _USUAL_CHARGE = 50, 49, 60
_BY_CONTRACT = np.array([0.0, -1.0, -1.8])

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Subscribers:
    """One column for each field: months, tenths of usage, years, cents, a contract's place."""

    tenure: Column
    usage: Column
    age: Column
    monthly: Column
    contract: Column


def dependent(count: int, seed: int) -> Iterator[Drawn]:
    """Subscribers who cancel less when they are there for longer, use it more, or pay less."""
    dice = Dice(seed, _STREAM)
    subscribers = _drawn(dice, count)
    return _with_ends(dice, subscribers, _probabilities(subscribers))


def plain(count: int, seed: int) -> Iterator[Drawn]:
    """Subscribers of whom three in ten cancel, whatever their fields say."""
    dice = Dice(seed, _STREAM)
    return _with_ends(dice, _drawn(dice, count), np.full(count, _BASE_RATE))


WORLDS: Mapping[str, FormWorld] = {"dependent": dependent, "plain": plain}


def _drawn(dice: Dice, count: int) -> _Subscribers:
    return _Subscribers(
        tenure=dice.between(0, 72, count),
        usage=dice.between(0, 1_000, count),
        age=dice.between(18, 80, count),
        monthly=dice.between(1_000, 12_000, count),
        contract=np.maximum(dice.between(-1, 2, count), 0),  # half are bound month by month
    )


def _probabilities(subscribers: _Subscribers) -> Floats:
    log_odds = (
        _BASE
        + _BY_MONTH * subscribers.tenure
        + _BY_USAGE * (subscribers.usage / 10 - _USUAL_USAGE)
        + _BY_YEAR * (subscribers.age - _USUAL_AGE)
        + _BY_EURO * (subscribers.monthly / 100 - _USUAL_CHARGE)
        + _BY_CONTRACT[subscribers.contract]
    )
    probabilities: Floats = 1 / (1 + np.exp(-log_odds))
    return probabilities


def _with_ends(dice: Dice, subscribers: _Subscribers, probabilities: Floats) -> Iterator[Drawn]:
    churned = dice.chance(probabilities, len(probabilities))
    for row, probability in enumerate(probabilities.tolist()):
        yield Drawn(_request(subscribers, row), bool(churned[row]), probability)


def _request(subscribers: _Subscribers, row: int) -> Mapping[str, int | float | str]:
    return {
        "tenure": int(subscribers.tenure[row]),
        "usage": int(subscribers.usage[row]) / 10,
        "age": int(subscribers.age[row]),
        "monthly_charges": int(subscribers.monthly[row]) / 100,
        "contract_type": _CONTRACTS[subscribers.contract[row]],
    }
