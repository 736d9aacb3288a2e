"""How good probabilities are against labels, in numbers. Pure."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, roc_auc_score

from training.table import Floats, Integers

BINS = 10

_DIGITS = 6  # beyond these another processor's sums differ
_EDGE = 1e-12  # from 0 and from 1, where log-odds would be infinite


def loss(labels: Integers, probabilities: Floats) -> float:
    """The mean log loss, natural logarithm."""
    return rounded(log_loss(labels, probabilities, labels=[0, 1]))


def auc(labels: Integers, probabilities: Floats) -> float | None:
    """The area under the ROC curve; None where all have the same label."""
    if labels.min() == labels.max():
        return None
    return rounded(roc_auc_score(labels, probabilities))


def quality(labels: Integers, probabilities: Floats, threshold: float) -> dict[str, Any]:
    """The usual figures; precision and recall are of saying churn."""
    said = probabilities >= threshold
    hits = int(np.sum(said & (labels == 1)))
    return {
        "log_loss": loss(labels, probabilities),
        "auc": auc(labels, probabilities),
        "accuracy": rounded(accuracy_score(labels, said)),
        "precision": share(hits, int(np.sum(said))),
        "recall": share(hits, int(np.sum(labels))),
        "mean_probability": rounded(np.mean(probabilities)),
        "churned": rounded(np.mean(labels)),
    }


def confusion(labels: Integers, probabilities: Floats, threshold: float) -> dict[str, int]:
    """How many rows there are of each label and each answer."""
    table = confusion_matrix(labels, probabilities >= threshold, labels=[0, 1])
    (stayed, alarm), (missed, churned) = table.tolist()
    return {
        "stayed_said_stay": stayed,
        "stayed_said_churn": alarm,
        "churned_said_stay": missed,
        "churned_said_churn": churned,
    }


def calibration(labels: Integers, probabilities: Floats) -> dict[str, Any]:
    """Whether probabilities are what they say.

    `expected_error` is the mean distance between what was said and what came, over ten bins of
    equally many rows. `slope` is 1, and `intercept` 0, of the labels' log-odds over those said,
    where probabilities are right (Cox 1958): below 1 they are too sure, None for one label only.
    """
    bins = calibration_bins(labels, probabilities)
    rows = sum(one["rows"] for one in bins)
    apart = (one["rows"] * abs(one["mean_probability"] - one["churned"]) for one in bins)
    return {"expected_error": rounded(sum(apart) / rows), **_cox(labels, probabilities)}


def calibration_bins(labels: Integers, probabilities: Floats) -> list[dict[str, Any]]:
    """What was said and what came, in up to ten bins of equally many rows by what was said."""
    order = np.argsort(probabilities, kind="stable")
    return [
        {
            "rows": len(rows),
            "mean_probability": rounded(np.mean(probabilities[rows])),
            "churned": rounded(np.mean(labels[rows])),
        }
        for rows in np.array_split(order, BINS)
        if len(rows)
    ]


def share(part: int, whole: int) -> float | None:
    """A part of a whole; None of nothing."""
    return rounded(part / whole) if whole else None


def rounded(value: SupportsFloat) -> float:
    """To six digits."""
    return round(float(value), _DIGITS)


def _cox(labels: Integers, probabilities: Floats) -> dict[str, float | None]:
    if labels.min() == labels.max():
        return {"slope": None, "intercept": None}
    inside = np.clip(probabilities, _EDGE, 1 - _EDGE)
    log_odds = np.log(inside / (1 - inside)).reshape(-1, 1)
    fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(log_odds, labels)
    slope, intercept = float(fitted.coef_.item()), float(fitted.intercept_.item())
    return {"slope": round(slope, 4), "intercept": round(intercept, 4)}  # where the solver stops
