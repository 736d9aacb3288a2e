"""Whether a model errs more often on some users than on others, by groups of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.declaration import UseCase
from training.candidates import lookup_columns
from training.quality import loss, rounded, share
from training.table import Flags, Floats, Integers, Table
from training.witness import AGE

_MOST_GROUPS = 32  # a column of more values than that divides nobody
_AGES = ((0, 30), (30, 45), (45, 60), (60, 200))  # years, from and to below
_RATES = ("false_positive_rate", "false_negative_rate")


class Group(NamedTuple):
    """Some of a table's rows, what they have in common, and of how many users they are."""

    name: str
    rows: Flags
    users: int


def fairness(
    case: UseCase, table: Table, probabilities: Floats, threshold: float
) -> dict[str, Any]:
    """Error rates by the level of each lookup, and by age where it is known.

    By name: the groups, and the gap between the highest and the lowest rate among them. A rate is
    None where a group has no user of that label.
    """
    return {
        name: compared(table.labels, probabilities, threshold, groups)
        for name, groups in divisions(case, table).items()
        if groups
    }


def divisions(case: UseCase, table: Table) -> dict[str, list[Group]]:
    """The groups that errors are told by: levels of each lookup, and ages where they are told.

    No groups where there are too many levels, or no age is known.
    """
    return {name: _groups(table, rows) for name, rows in _divided(case, table).items()}


def age_spans(ages: Floats) -> dict[str, Flags]:
    """Rows by span of `ages` in years, not a number where none is known; in order, none empty."""
    rows = {_span(low, high): (ages >= low) & (ages < high) for low, high in _AGES}
    return {name: chosen for name, chosen in rows.items() if chosen.any()}


def compared(
    labels: Integers, probabilities: Floats, threshold: float, groups: Sequence[Group]
) -> dict[str, Any]:
    """Errors and log loss of each group, and the gap of each rate among them."""
    said = probabilities >= threshold
    rows = [
        {
            "group": group.name,
            "users": group.users,
            "log_loss": loss(labels[group.rows], probabilities[group.rows]),
            "mean_probability": rounded(np.mean(probabilities[group.rows])),
            **_errors(labels[group.rows], said[group.rows]),
        }
        for group in groups
    ]
    return {"groups": rows, "gaps": {name: _gap([row[name] for row in rows]) for name in _RATES}}


def _errors(labels: Integers, said: Flags) -> dict[str, Any]:
    stayed, churned = labels == 0, labels == 1
    return {
        "rows": len(labels),
        "churned": rounded(np.mean(labels)),
        "accuracy": rounded(np.mean(said == churned)),
        "false_positive_rate": share(int(np.sum(said & stayed)), int(np.sum(stayed))),
        "false_negative_rate": share(int(np.sum(~said & churned)), int(np.sum(churned))),
    }


def _gap(rates: Sequence[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return rounded(max(known) - min(known)) if known else None


def _groups(table: Table, divided: Mapping[str, Flags]) -> list[Group]:
    return [Group(name, rows, table.where(rows).count_users()) for name, rows in divided.items()]


def _divided(case: UseCase, table: Table) -> dict[str, dict[str, Flags]]:
    """Rows by group, by what divides them."""
    levels = {
        case.inputs[column]: _by_level(table.inputs[:, column]) for column in lookup_columns(case)
    }
    ages = table.beside.get(AGE)
    return levels if ages is None else {**levels, AGE: age_spans(ages)}


def _by_level(values: Floats) -> dict[str, Flags]:
    """Empty where there are too many levels."""
    levels = np.unique(values)
    few = len(levels) <= _MOST_GROUPS
    return {f"{level:.15g}": values == level for level in levels} if few else {}


def _span(low: int, high: int) -> str:
    if not low:
        return f"below {high}"
    return f"{low} to {high - 1}" if high < _AGES[-1][1] else f"{low} and over"
