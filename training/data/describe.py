"""A dataset in figures: how each input is spread by label, and how much it says alone. Pure.

Every row counts once, so a user with more scores weighs more.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.metrics import mutual_info_score

from training.data.audit import single_auc
from training.data.dataset import LABEL, table_of
from training.table import Floats, Integers, Table

_BINS = 20
_FAR = 0.995  # what lies beyond this share of the values is drawn into the last bin
_PARTS = 10
_DIGITS = 6


def describe(rows: pa.Table, source: Mapping[str, Any]) -> dict[str, Any]:
    """All figures, ready for JSON: `inputs` by name, their `correlation` with each other and label.

    Raises ValueError where all rows have one label.
    """
    whole = table_of(rows, source)
    names = list(source["features"])
    if len(np.unique(whole.labels)) == 1:
        raise ValueError("all rows have the same label")
    return {
        "dataset": source["sha256"],
        "use_case": source["use_case"],
        "source": source["source"],
        "rows": len(whole.labels),
        "users": whole.count_users(),
        "churned": _short(float(np.mean(whole.labels))),
        "left_out": dict(source["left_out"]),
        "inputs": {
            name: {"missing": rows[name].null_count, **_input(whole, column)}
            for column, name in enumerate(names)
        },
        "correlation": {"of": [*names, LABEL], "coefficients": _correlation(whole)},
    }


def by_importance(described: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The inputs, what says most of the label first."""
    return sorted(described["inputs"].items(), key=lambda one: -one[1]["information"])


def _input(whole: Table, column: int) -> dict[str, Any]:
    values = whole.inputs[:, column]
    return {
        "mean": _short(float(np.mean(values))),
        "deviation": _short(float(np.std(values))),
        "quantiles": [_short(one) for one in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist()],
        "auc": _short(single_auc(whole, column)),
        "information": _short(_information(values, whole.labels)),
        "histogram": _histogram(values, whole.labels),
    }


def _histogram(values: Floats, labels: Integers) -> dict[str, Any]:
    """The share of each label's rows in each bin; the last bin takes what is far out as well."""
    low, high = float(values.min()), float(np.quantile(values, _FAR))
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    within = np.clip(values, edges[0], edges[-1])
    shares = {
        name: np.histogram(within[labels == label], edges)[0] / np.sum(labels == label)
        for name, label in (("stayed", 0), ("churned", 1))
    }
    return {
        "edges": [_short(one) for one in edges.tolist()],
        **{name: [_short(one) for one in share.tolist()] for name, share in shares.items()},
    }


def _information(values: Floats, labels: Integers) -> float:
    """Bits: the mutual information of the label and the tenth of the rows that a value is in.

    The least value has a part of its own, since many have none of what is counted.
    """
    upper = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1)))
    return float(mutual_info_score(np.searchsorted(upper, values), labels)) / log(2)


def _correlation(whole: Table) -> list[list[float | None]]:
    """Pearson's; null for what never varies."""
    columns = np.column_stack([whole.inputs, whole.labels])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.corrcoef(columns, rowvar=False)
    return [[None if np.isnan(one) else _short(one) for one in row] for row in found.tolist()]


def _short(value: float) -> float:
    return round(value, _DIGITS)
