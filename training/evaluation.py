"""How good probabilities are, on users that the model never saw: overall, and how early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from pipeline.declaration import UseCase
from training.candidates import lookup_columns
from training.optimum import Optimum
from training.table import Flags, Floats, Integers, Table

STAGES = ((2, 2), (3, 5), (6, 10), (11, 25), (26, 50), (51, 100))
"""From and to how many of a user's events had counted at the score, limits included."""

_DIGITS = 6  # beyond these another processor's sums differ

Scores = Callable[[Floats], Floats]


def evaluate(
    case: UseCase, held_out: Table, score: Scores, threshold: float, optimum: Optimum | None
) -> dict[str, Any]:
    """The metrics of `score` on the held-out rows, with the best possible ones where known."""
    probabilities = score(held_out.inputs)
    best = None if optimum is None else optimum(case, held_out.inputs)
    unknown = held_out.with_inputs(lookup_columns(case), np.ones(len(held_out.labels), np.bool_))
    return {
        **_quality(held_out.labels, probabilities, threshold),
        "optimum": None if best is None else _quality(held_out.labels, best, threshold),
        "without_lookups": _quality(held_out.labels, score(unknown.inputs), threshold),
        "by_counted_events": [
            _stage(low, high, held_out.labels, probabilities, best, rows)
            for low, high in STAGES
            if (rows := _counted_between(case, held_out.inputs, low, high)).any()
        ],
    }


def loss(labels: Integers, probabilities: Floats) -> float:
    """The mean log loss, natural logarithm."""
    return round(float(log_loss(labels, probabilities, labels=[0, 1])), _DIGITS)


def _quality(labels: Integers, probabilities: Floats, threshold: float) -> dict[str, Any]:
    said = probabilities >= threshold
    return {
        "log_loss": loss(labels, probabilities),
        "auc": _auc(labels, probabilities),
        "accuracy": round(float(accuracy_score(labels, said)), _DIGITS),
        "mean_probability": round(float(np.mean(probabilities)), _DIGITS),
        "churned": round(float(np.mean(labels)), _DIGITS),
    }


def _stage(
    low: int, high: int, labels: Integers, probabilities: Floats, best: Floats | None, rows: Flags
) -> dict[str, Any]:
    stage: dict[str, Any] = {"from": low, "to": high, "rows": int(np.sum(rows))}
    for prefix, scores in (("", probabilities), ("optimum_", best)):
        if scores is not None:
            stage[f"{prefix}log_loss"] = loss(labels[rows], scores[rows])
            stage[f"{prefix}auc"] = _auc(labels[rows], scores[rows])
    return stage


def _auc(labels: Integers, probabilities: Floats) -> float | None:
    """None where all have the same label."""
    if labels.min() == labels.max():
        return None
    return round(float(roc_auc_score(labels, probabilities)), _DIGITS)


def _counted_between(case: UseCase, inputs: Floats, low: int, high: int) -> Flags:
    counts = {f"{one.name}_count" for one in case.aggregations}
    columns = [place for place, name in enumerate(case.inputs) if name in counts]
    counted = inputs[:, columns].sum(axis=1)
    rows: Flags = (counted >= low) & (counted <= high)
    return rows
