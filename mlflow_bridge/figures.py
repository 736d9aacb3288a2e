"""A manifest as MLflow has it: parameters are short texts by name, metrics are numbers by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_bridge.tracking import Figure
from pipeline.manifest import Manifest

_LONGEST = 6_000  # characters of a parameter that MLflow takes
_UNNAMEABLE = re.compile(r"[^\w\-. :/]")  # what MLflow takes in no name


def parameters(manifest: Manifest) -> dict[str, str]:
    """What the model was made with: by which algorithm, from what data, with which libraries."""
    made_with = {
        "algorithm": manifest.algorithm,
        "features": ",".join(manifest.features),
        "threshold": manifest.threshold,
        "seed": manifest.seed,
        "training": manifest.training,
        "costs": manifest.costs,
        "libraries": manifest.libraries,
    }
    return {name: str(value)[:_LONGEST] for name, value in _leaves(made_with)}


def figures(manifest: Manifest) -> list[Figure]:
    """How good the model is.

    A list of rows becomes curves over the whole number that each row has first; where that is a
    text, it becomes part of the names.
    """
    measured = {
        **manifest.metrics,
        "calibration": manifest.calibration,
        "fairness": manifest.fairness,
    }
    return [one for name, value in _leaves(measured) for one in _figures(name, value)]


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Whatever is no mapping, by its path with points."""
    for name, value in tree.items():
        path = _UNNAMEABLE.sub("_", f"{above}{name}")
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _figures(name: str, value: Any, step: int = 0) -> Iterator[Figure]:
    match value:
        case bool() | str() | None:
            return
        case int() | float():
            yield Figure(name, float(value), step)
        case [*rows]:
            for row in rows:
                yield from _of_row(name, row)


def _of_row(name: str, row: Any) -> Iterator[Figure]:
    if not isinstance(row, Mapping) or not row:
        return
    (_, first), *rest = row.items()
    step, above = (first, name) if isinstance(first, int) else (0, f"{name}.{first}")
    for path, value in _leaves(dict(rest), f"{above}."):
        yield from _figures(path, value, step)
