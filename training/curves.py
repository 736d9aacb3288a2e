"""What a picture of a model's quality is drawn from: ROC, precision and recall, lift. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from training.quality import calibration_bins, confusion, rounded
from training.table import Floats, Integers

_STEPS = np.linspace(0, 1, 51)
_SHARES = tuple(range(5, 101, 5))  # percent


def curves(labels: Integers, probabilities: Floats, threshold: float) -> dict[str, Any]:
    """The points of each curve as lists of equal length; of labels of both kinds."""
    return {
        "roc": _roc(labels, probabilities),
        "precision_recall": _precision_recall(labels, probabilities),
        "calibration": calibration_bins(labels, probabilities),
        "lift": lift(labels, probabilities),
        "confusion": confusion(labels, probabilities, threshold),
    }


def lift(labels: Integers, probabilities: Floats) -> list[dict[str, Any]]:
    """How much more often those said most likely to churn did, than all, by their share."""
    order = np.argsort(-probabilities, kind="stable")
    churned = np.cumsum(labels[order])
    takes = [(percent, max(1, len(labels) * percent // 100)) for percent in _SHARES]
    return [
        {
            "percent": percent,
            "lift": rounded(churned[take - 1] / take / np.mean(labels)),
            "found": rounded(churned[take - 1] / churned[-1]),
        }
        for percent, take in takes
    ]


def _roc(labels: Integers, probabilities: Floats) -> dict[str, list[float]]:
    false_alarms, found, _ = roc_curve(labels, probabilities)
    return {
        "false_positive_rate": _points(_STEPS),
        "true_positive_rate": _points(np.interp(_STEPS, false_alarms, found)),
    }


def _precision_recall(labels: Integers, probabilities: Floats) -> dict[str, list[float]]:
    """The best precision at each recall or a higher one."""
    precision, recall, _ = precision_recall_curve(labels, probabilities)
    reached = np.searchsorted(-recall, -_STEPS, side="right") - 1  # recall falls
    best = np.maximum.accumulate(precision)[reached]
    return {"recall": _points(_STEPS), "precision": _points(best)}


def _points(values: Floats) -> list[float]:
    return [rounded(value) for value in values]
