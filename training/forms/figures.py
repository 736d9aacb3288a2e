"""How good a form's model is on rows that took no part in any choice."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_score,
    recall_score,
    roc_auc_score,
)

from training.evaluation import loss
from training.forms.table import FormTable
from training.table import Floats, Integers

_DIGITS = 6  # beyond these another processor's sums differ
_PARTS = 5  # of the rows in the calibration, the least likely to churn first


def figures(table: FormTable, probabilities: Floats, threshold: float) -> dict[str, Any]:
    """The metrics of `probabilities` at `threshold`, the best possible ones where a world knows."""
    labels, said = table.labels, probabilities >= threshold
    best = None if table.probabilities is None else ranking(labels, table.probabilities)
    return {
        **ranking(labels, probabilities),
        "accuracy": _rounded(accuracy_score(labels, said)),
        "precision": _rounded(precision_score(labels, said, zero_division=0)),
        "recall": _rounded(recall_score(labels, said, zero_division=0)),
        "mean_probability": _rounded(np.mean(probabilities)),
        "churned": _rounded(np.mean(labels)),
        "confusion": confusion_matrix(labels, said, labels=[0, 1]).tolist(),
        "calibration": _calibration(labels, probabilities),
        "optimum": best,
    }


def ranking(labels: Integers, probabilities: Floats) -> dict[str, float | None]:
    """Log loss and AUC; no AUC where all have one label, and 0.5 where all are alike."""
    one_kind = labels.min() == labels.max()
    auc = None if one_kind else _rounded(roc_auc_score(labels, probabilities))
    return {"log_loss": loss(labels, probabilities), "auc": auc}


def _calibration(labels: Integers, probabilities: Floats) -> list[dict[str, Any]]:
    """For each part of the rows, what was said on the mean and how many churned."""
    parts = np.array_split(np.argsort(probabilities, kind="stable"), _PARTS)
    return [
        {
            "rows": len(part),
            "mean_probability": _rounded(np.mean(probabilities[part])),
            "churned": _rounded(np.mean(labels[part])),
        }
        for part in parts
        if len(part)
    ]


def _rounded(value: Any) -> float:
    return round(float(value), _DIGITS)
