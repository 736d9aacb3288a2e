"""Curves as SVG text without display, date or random id: the same points give the same text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.sheets import ANSWERS

_STYLE: Any = {  # matplotlib lists each name's type
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.size": 9,
    "lines.markersize": 4,
}
_SIZE = (4.2, 3.4)  # inches


def pictures(metrics: Mapping[str, Any], curves: Mapping[str, Any]) -> list[str]:
    """One SVG element for each curve of a report."""
    with mpl.rc_context(_STYLE):
        drawn = [
            _roc(curves["roc"], metrics["auc"]),
            _precision_recall(curves["precision_recall"], metrics["churned"]),
            _calibration(curves["calibration"]),
            _lift(curves["lift"]),
            _how_early(metrics["how_early"]),
            _by_counted_events(metrics["by_counted_events"]),
        ]
        return [_svg(one) for one in drawn]


def _axes(title: str, x: str, y: str) -> Axes:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes: Axes = figure.add_subplot(title=title, xlabel=x, ylabel=y)
    axes.grid(visible=True, alpha=0.3)
    return axes


def _svg(axes: Axes) -> str:
    buffer = io.StringIO()
    figure = cast("Figure", axes.get_figure(root=True))  # never None: `_axes` has made it
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _roc(points: Mapping[str, Sequence[float]], area: float) -> Axes:
    axes = _axes(f"ROC, area {area:.4f}", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], "--", color="grey")
    axes.plot(points["false_positive_rate"], points["true_positive_rate"])
    return axes


def _precision_recall(points: Mapping[str, Sequence[float]], churned: float) -> Axes:
    axes = _axes("Precision and recall", "recall", "precision")
    axes.axhline(churned, linestyle="--", color="grey")
    axes.plot(points["recall"], points["precision"])
    return axes


def _calibration(bins: Sequence[Mapping[str, float]]) -> Axes:
    axes = _axes("Calibration", "mean probability said", "share that churned")
    axes.plot([0, 1], [0, 1], "--", color="grey")
    axes.plot([one["mean_probability"] for one in bins], [one["churned"] for one in bins], "o-")
    return axes


def _lift(points: Sequence[Mapping[str, float]]) -> Axes:
    axes = _axes("Lift", "percent of scores, the highest first", "times as many churn")
    axes.axhline(1, linestyle="--", color="grey")
    axes.plot([one["percent"] for one in points], [one["lift"] for one in points], "o-")
    return axes


def _how_early(rows: Sequence[Mapping[str, Any]]) -> Axes:
    axes = _axes("How early it knows", "scores of a user", "AUC")
    return _beside(axes, [one["scores"] for one in rows], rows, "auc")


def _by_counted_events(rows: Sequence[Mapping[str, Any]]) -> Axes:
    axes = _axes("Log loss by counted events", "counted events, up to", "log loss")
    return _beside(axes, [one["to"] for one in rows], rows, "log_loss")


def _beside(
    axes: Axes, places: Sequence[int], rows: Sequence[Mapping[str, Any]], figure: str
) -> Axes:
    """The model's figure, and the best possible ones, at each place."""
    for prefix, whose in ANSWERS.items():
        if f"{prefix}{figure}" in rows[0]:
            axes.plot(places, [one[f"{prefix}{figure}"] for one in rows], "o-", label=whose)
    axes.legend()
    return axes
