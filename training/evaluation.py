"""How good a model is on users that it never saw: overall, how early, and against the optimum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipeline.declaration import UseCase
from training.candidates import lookup_columns
from training.costs import Costs, cost_figures
from training.optimum import RAW_OPTIMUM, Optimum
from training.quality import auc, calibration, confusion, loss, quality
from training.table import Flags, Floats, Integers, Table

STAGES = ((2, 2), (3, 5), (6, 10), (11, 25), (26, 50), (51, 100))
"""From and to how many of a user's events had counted at the score, limits included."""

EARLY = (1, 5, 10, 25, 50, 100)
"""After how many scores of a user it is asked how well it knows him."""

Scores = Callable[[Floats], Floats]


def evaluate(
    case: UseCase, held_out: Table, score: Scores, costs: Costs, optimum: Optimum | None
) -> dict[str, Any]:
    """The metrics of `score` on the held-out rows, with the best possible ones where known.

    The best possible is told twice: from the model's inputs, and from the raw log where the table
    has that beside its rows.
    """
    labels, threshold = held_out.labels, costs.threshold
    probabilities = score(held_out.inputs)
    best = best_possible(case, held_out, optimum)
    unknown = held_out.with_inputs(lookup_columns(case), np.ones(len(labels), np.bool_))
    return {
        **quality(labels, probabilities, threshold),
        "optimum": _of(best, "optimum", labels, threshold),
        "raw_optimum": _of(best, "raw_optimum", labels, threshold),
        "without_lookups": quality(labels, score(unknown.inputs), threshold),
        "confusion": confusion(labels, probabilities, threshold),
        "cost": cost_figures(costs, labels, probabilities),
        "by_counted_events": _stages(case, held_out, {"": probabilities, **best}),
        "how_early": _how_early(held_out, {"": probabilities, **best}),
    }


def best_possible(case: UseCase, table: Table, optimum: Optimum | None) -> dict[str, Floats]:
    """The best possible probabilities of a table's rows, as far as they are known, by name."""
    if optimum is None:
        return {}
    best = {"optimum": optimum.of_inputs(case, table.inputs)}
    raw = table.beside.get(RAW_OPTIMUM)
    return best if raw is None else {**best, "raw_optimum": raw}


def calibrations(
    case: UseCase, table: Table, probabilities: Floats, optimum: Optimum | None
) -> dict[str, Any]:
    """How well calibrated the probabilities are, and by the same measures the best possible."""
    best = best_possible(case, table, optimum).get("optimum")
    measured = calibration(table.labels, probabilities)
    return measured if best is None else {**measured, "optimum": calibration(table.labels, best)}


def nth_scores(users: Integers, n: int) -> Integers:
    """The row of each user's n-th score, or of his last if he has fewer."""
    order = np.argsort(users, kind="stable")
    starts = np.flatnonzero(np.diff(users[order], prepend=-1))
    lengths = np.diff(starts, append=len(order))
    rows: Integers = order[starts + np.minimum(n, lengths) - 1]
    return rows


def _of(
    best: Mapping[str, Floats], name: str, labels: Integers, threshold: float
) -> dict[str, Any] | None:
    return quality(labels, best[name], threshold) if name in best else None


def _stages(case: UseCase, table: Table, answers: Mapping[str, Floats]) -> list[dict[str, Any]]:
    stages = [(low, high, _counted_between(case, table.inputs, low, high)) for low, high in STAGES]
    return [
        {
            "from": low,
            "to": high,
            "rows": int(np.sum(rows)),
            **_compared(table.labels[rows], _at(answers, rows)),
        }
        for low, high, rows in stages
        if rows.any()
    ]


def _how_early(table: Table, answers: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """One row per user: what was said at his n-th score."""
    chosen = [(n, nth_scores(table.users, n)) for n in EARLY]
    return [
        {"scores": n, "users": len(rows), **_compared(table.labels[rows], _at(answers, rows))}
        for n, rows in chosen
    ]


def _at(answers: Mapping[str, Floats], rows: Flags | Integers) -> dict[str, Floats]:
    return {name: answer[rows] for name, answer in answers.items()}


def _compared(labels: Integers, answers: Mapping[str, Floats]) -> dict[str, Any]:
    """Log loss and AUC of each answer, under its name."""
    return {
        f"{name}_{figure}".lstrip("_"): measure(labels, answer)
        for name, answer in answers.items()
        for figure, measure in (("log_loss", loss), ("auc", auc))
    }


def _counted_between(case: UseCase, inputs: Floats, low: int, high: int) -> Flags:
    counts = {f"{one.name}_count" for one in case.aggregations}
    columns = [place for place, name in enumerate(case.inputs) if name in counts]
    counted = inputs[:, columns].sum(axis=1)
    rows: Flags = (counted >= low) & (counted <= high)
    return rows
