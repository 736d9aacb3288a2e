"""How good a form's model is on rows that took no part in any choice. Pure."""

from __future__ import annotations

from typing import Any

from training.costs import Costs, cost_figures
from training.forms.table import FormTable
from training.quality import calibration, calibration_bins, confusion, quality
from training.table import Floats


def figures(table: FormTable, probabilities: Floats, costs: Costs) -> dict[str, Any]:
    """The metrics of `probabilities`; those of the true ones beside them where a world knows."""
    labels, true, threshold = table.labels, table.probabilities, costs.threshold
    return {
        **quality(labels, probabilities, threshold),
        "optimum": None if true is None else quality(labels, true, threshold),
        "confusion": confusion(labels, probabilities, threshold),
        "cost": cost_figures(costs, labels, probabilities),
        "calibration_bins": calibration_bins(labels, probabilities),
    }


def calibrations(table: FormTable, probabilities: Floats) -> dict[str, Any]:
    """How well calibrated the probabilities are, and by the same measures the true ones."""
    measured = calibration(table.labels, probabilities)
    if table.probabilities is None:
        return measured
    return {**measured, "optimum": calibration(table.labels, table.probabilities)}
