"""Whether a model errs more often on some users than on others, by groups of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.declaration import UseCase
from training.candidates import has_few_levels, lookup_columns
from training.quality import loss, rounded, share
from training.table import Flags, Floats, Integers, Table
from training.witness import AGE

_AGES = ((0, 30), (30, 45), (45, 60), (60, 200))  # years, from and to below
_RATES = ("false_positive_rate", "false_negative_rate")


class Group(NamedTuple):
    """Some of a table's rows, and what they have in common."""

    name: str
    rows: Flags


def fairness(
    case: UseCase, table: Table, probabilities: Floats, threshold: float
) -> dict[str, Any]:
    """Error rates by the level of each lookup, and by age where it is known.

    By name: the groups, and the gap between the highest and the lowest rate among them. A rate is
    None where a group has no user of that label.
    """
    divided = {**_by_level(case, table), **_by_age(table)}
    return {
        name: _compared(table, probabilities, threshold, groups)
        for name, groups in divided.items()
        if groups
    }


def _compared(
    table: Table, probabilities: Floats, threshold: float, groups: Sequence[Group]
) -> dict[str, Any]:
    said = probabilities >= threshold
    rows = [
        {
            "group": group.name,
            "users": table.where(group.rows).count_users(),
            "log_loss": loss(table.labels[group.rows], probabilities[group.rows]),
            "mean_probability": rounded(np.mean(probabilities[group.rows])),
            **_errors(table.labels[group.rows], said[group.rows]),
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


def _by_level(case: UseCase, table: Table) -> dict[str, list[Group]]:
    return {
        case.inputs[column]: [
            Group(f"{level:g}", table.inputs[:, column] == level)
            for level in np.unique(table.inputs[:, column])
        ]
        for column in lookup_columns(case)
        if has_few_levels(table.inputs[:, column])
    }


def _by_age(table: Table) -> dict[str, list[Group]]:
    ages = table.beside.get(AGE)
    return {} if ages is None else {AGE: list(_age_groups(ages))}


def _age_groups(ages: Floats) -> Iterator[Group]:
    for low, high in _AGES:
        rows: Flags = (ages >= low) & (ages < high)
        if rows.any():
            yield Group(_span(low, high), rows)


def _span(low: int, high: int) -> str:
    if not low:
        return f"below {high}"
    return f"{low} to {high - 1}" if high < _AGES[-1][1] else f"{low} and over"
