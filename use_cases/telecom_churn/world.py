"""Invented customers of a telephone and internet company, each with a known chance to leave.

Who is bound for longer, has been there for longer, or has others in the house leaves less; fiber
optic, electronic checks, a high charge and age raise it. No figure is taken from real customers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.declaration.form_world import Drawn, FormWorld
from pipeline.dice import Column, Dice, Flags

_STREAM = 10  # of the dice: no other world's
_LONGEST = 72  # months

_CONTRACTS = ("Month-to-month", "One year", "Two year")
_INTERNET = ("DSL", "Fiber optic", "No")
_PAYMENTS = (
    "Electronic check",
    "Mailed check",
    "Bank transfer (automatic)",
    "Credit card (automatic)",
)
_NO_INTERNET, _ELECTRONIC = 2, 0

_BASE = 0.6
_SENIOR, _DEPENDENTS, _CHECK = 0.3, -0.3, 0.45
_BY_CONTRACT = np.array([0.0, -1.2, -2.1])
_BY_INTERNET = np.array([0.0, 0.8, -0.8])
_EARLY, _LATER, _SETTLED = -0.07, -0.015, 18  # log-odds a month, up to 18 months and after
_BY_EURO, _USUAL_CHARGE = 0.01, 65


@dataclass(frozen=True, slots=True)
class _Customers:
    """One column for each thing drawn; choices by their place, charges in cents."""

    senior: Flags
    partner: Flags
    dependents: Flags
    phone: Flags
    tenure: Column
    internet: Column
    contract: Column
    payment: Column
    monthly: Column
    total: Column


def draw(count: int, seed: int) -> Iterator[Drawn]:
    """So many customers of this seed."""
    dice = Dice(seed, _STREAM)
    customers = _drawn(dice, count)
    probabilities = _probabilities(customers)
    churned = dice.chance(probabilities, count)
    for row in range(count):
        yield Drawn(_request(customers, row), bool(churned[row]), float(probabilities[row]))


WORLDS: Mapping[str, FormWorld] = {"plausible": draw}


def _drawn(dice: Dice, count: int) -> _Customers:
    contract = _picked(dice, count, (55, 21, 24))
    internet = _picked(dice, count, (34, 44, 22))
    tenure = _tenure(dice, contract)
    partner = dice.chance(0.48, count)
    phone = dice.chance(0.88, count) | (internet == _NO_INTERNET)
    monthly = _monthly(dice, internet, phone)
    return _Customers(
        senior=dice.chance(0.16, count),
        partner=partner,
        dependents=dice.chance(np.where(partner, 0.5, 0.1), count),
        phone=phone,
        tenure=tenure,
        internet=internet,
        contract=contract,
        payment=_picked(dice, count, (34, 22, 22, 22)),
        monthly=monthly,
        total=monthly * tenure * dice.between(95, 105, count) // 100,
    )


def _picked(dice: Dice, count: int, percents: tuple[int, ...]) -> Column:
    """A place for each, with these chances."""
    drawn = dice.between(1, 100, count)
    places: Column = np.searchsorted(np.cumsum(percents), drawn)
    return places


def _tenure(dice: Dice, contract: Column) -> Column:
    """Months: short ones are commoner without a bond, long ones with one of two years."""
    one, other = dice.between(0, _LONGEST, 2, len(contract))
    months: Column = np.choose(contract, (np.minimum(one, other), one, np.maximum(one, other)))
    return months


def _monthly(dice: Dice, internet: Column, phone: Flags) -> Column:
    """Cents: a line, a connection, and on it up to 35 of further services."""
    line = np.where(phone, 2_000, 0) + np.array([2_500, 5_000, 0])[internet]
    further = np.where(internet == _NO_INTERNET, 0, dice.between(0, 3_500, len(phone)))
    charges: Column = line + further + dice.between(-100, 600, len(phone))
    return charges


def _probabilities(customers: _Customers) -> npt.NDArray[np.float64]:
    early = np.minimum(customers.tenure, _SETTLED)
    log_odds = (
        _BASE
        + _EARLY * early
        + _LATER * (customers.tenure - early)
        + _BY_CONTRACT[customers.contract]
        + _BY_INTERNET[customers.internet]
        + _SENIOR * customers.senior
        + _DEPENDENTS * customers.dependents
        + _CHECK * (customers.payment == _ELECTRONIC)
        + _BY_EURO * (customers.monthly / 100 - _USUAL_CHARGE)
    )
    probabilities: npt.NDArray[np.float64] = 1 / (1 + np.exp(-log_odds))
    return probabilities


def _request(customers: _Customers, row: int) -> Mapping[str, int | float | str]:
    tenure = int(customers.tenure[row])
    return {
        "SeniorCitizen": int(customers.senior[row]),
        "Partner": _yes_no(customers.partner[row]),
        "Dependents": _yes_no(customers.dependents[row]),
        "PhoneService": _yes_no(customers.phone[row]),
        "tenure": tenure,
        "InternetService": _INTERNET[customers.internet[row]],
        "Contract": _CONTRACTS[customers.contract[row]],
        "PaymentMethod": _PAYMENTS[customers.payment[row]],
        "MonthlyCharges": int(customers.monthly[row]) / 100,
        "TotalCharges": int(customers.total[row]) / 100 if tenure else "",
    }


def _yes_no(flag: np.bool_) -> str:
    return "Yes" if flag else "No"
