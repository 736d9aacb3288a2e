"""A description's pictures, as SVG that stands in a page. The same figures give the same text."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from training.data.describe import by_importance

_STYLE: Any = {  # matplotlib lists each name's type
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "description",
    "font.size": 8,
}
_ACROSS = 4
_COLOURS = {"stayed": "tab:blue", "churned": "tab:orange"}


def histograms(described: Mapping[str, Any]) -> str:
    """One small histogram for each input, what stayed and what churned over each other."""
    inputs = described["inputs"]
    down = -(-len(inputs) // _ACROSS)
    figure = Figure(figsize=(10, 2 * down), layout="constrained")
    for place, (name, told) in enumerate(inputs.items(), start=1):
        axes = figure.add_subplot(down, _ACROSS, place)
        axes.set_title(name)
        for label, colour in _COLOURS.items():
            shares, edges = told["histogram"][label], told["histogram"]["edges"]
            axes.stairs(shares, edges, fill=True, alpha=0.5, color=colour, label=label)
        if place == 1:
            axes.legend()
    return _svg(figure)


def correlation(described: Mapping[str, Any]) -> str:
    """Every pair's coefficient as a colour; grey for what never varies."""
    told = described["correlation"]
    numbers = np.array(told["coefficients"], np.float64)
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("lightgrey")
    colours = axes.pcolormesh(np.ma.masked_invalid(numbers), cmap="RdBu_r", vmin=-1, vmax=1)
    middles = np.arange(len(told["of"])) + 0.5
    axes.set_xticks(middles, told["of"], rotation=90)
    axes.set_yticks(middles, told["of"])
    axes.invert_yaxis()
    figure.colorbar(colours)
    return _svg(figure)


def importance(described: Mapping[str, Any]) -> str:
    """What each input alone says of the label, in bits, the most on top."""
    told = by_importance(described)
    figure = Figure(figsize=(7, 0.3 * len(told) + 1), layout="constrained")
    axes = figure.add_subplot(xlabel="bits that the input alone tells of the label")
    axes.barh([name for name, _ in told], [one["information"] for _, one in told])
    axes.invert_yaxis()
    return _svg(figure)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
