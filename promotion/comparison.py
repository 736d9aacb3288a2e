"""Champion and challenger on the same rows: log loss, calibration, and errors by group. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from pipeline.declaration import UseCase
from promotion.figures import LEAST_USERS, Comparison, Figures, Interval
from promotion.intervals import interval, mirrored, resampled
from training.fairness import Group, divisions
from training.table import Flags, Floats, Integers, Table

_BINS = 10
_SMALLEST = 1e-15  # a probability of 0 or 1 that is wrong would cost without end


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model gives for each row, and from which probability on it says churn."""

    probabilities: Floats
    threshold: float


def compare(case: UseCase, table: Table, champion: Scored, challenger: Scored) -> Comparison:
    """Compare both on the rows of `table`, of which there must be some. The same gives the same."""
    rows = len(table.labels)
    columns = [
        np.ones((rows, 1)),
        *(losses(table.labels, one.probabilities)[:, None] for one in (champion, challenger)),
        *(_misses(table.labels, one.probabilities) for one in (champion, challenger)),
    ]
    sums = _by_user(table, np.hstack(columns))
    totals = resampled(sums, seed=rows)
    return Comparison(
        rows=rows,
        users=len(sums),
        champion=_figures(case, table, champion, mirrored(_champion_error, sums, totals)),
        challenger=_figures(case, table, challenger, mirrored(_challenger_error, sums, totals)),
        log_loss=interval(lambda all_: (all_[:, 2] - all_[:, 1]) / all_[:, 0], sums, totals),
        calibration_error=interval(_worse_calibrated, sums, totals),
    )


def _figures(case: UseCase, table: Table, scored: Scored, calibration_error: Interval) -> Figures:
    probabilities, labels = scored.probabilities, table.labels
    both = labels.min() != labels.max()
    return Figures(
        log_loss=float(np.mean(losses(labels, probabilities))),
        auc=float(roc_auc_score(labels, probabilities)) if both else None,
        calibration_error=calibration_error,
        gaps=_gaps(case, table, scored),
    )


def losses(labels: Integers, probabilities: Floats) -> Floats:
    """The log loss of each row, natural logarithm."""
    right = np.where(labels == 1, probabilities, 1 - probabilities)
    losses: Floats = -np.log(np.maximum(right, _SMALLEST))
    return losses


def _misses(labels: Integers, probabilities: Floats) -> Floats:
    """How far above the label each row's probability is, in the column of its bin."""
    bins = np.minimum((probabilities * _BINS).astype(np.int64), _BINS - 1)
    missed = np.zeros((len(labels), _BINS))
    missed[np.arange(len(labels)), bins] = probabilities - labels
    return missed


def _champion_error(totals: Floats) -> Floats:
    """The calibration error, out of totals of `_misses`."""
    error: Floats = np.abs(totals[:, 3 : 3 + _BINS]).sum(axis=1) / totals[:, 0]
    return error


def _challenger_error(totals: Floats) -> Floats:
    error: Floats = np.abs(totals[:, 3 + _BINS :]).sum(axis=1) / totals[:, 0]
    return error


def _worse_calibrated(totals: Floats) -> Floats:
    return _challenger_error(totals) - _champion_error(totals)


def _by_user(table: Table, columns: Floats) -> Floats:
    """The sums of each user's rows."""
    _, places = np.unique(table.users, return_inverse=True)
    sums = np.zeros((int(places.max()) + 1, columns.shape[1]))
    np.add.at(sums, places, columns)
    return sums


def _gaps(case: UseCase, table: Table, scored: Scored) -> dict[str, float | None]:
    """By every division of the users that a manifest tells errors by."""
    says = scored.probabilities >= scored.threshold
    gaps: dict[str, float | None] = {}
    for name, groups in divisions(case, table).items():
        gaps[f"false alarms by {name}"] = _gap(table, groups, table.labels == 0, says)
        gaps[f"misses by {name}"] = _gap(table, groups, table.labels == 1, ~says)
    return gaps


def _gap(table: Table, groups: Sequence[Group], among: Flags, wrong: Flags) -> float | None:
    """The largest rate of `wrong` less the smallest, `among` these rows; None below two groups."""
    rates = [
        float(np.mean(wrong[rows]))
        for group in groups
        if len(np.unique(table.users[rows := among & group.rows])) >= LEAST_USERS
    ]
    return max(rates) - min(rates) if len(rates) > 1 else None
