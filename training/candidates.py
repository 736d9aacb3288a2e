"""The kinds of model that compete, each as a scikit-learn pipeline that ONNX can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pipeline.declaration import UseCase
from training.table import Floats, Table

_MOST_LEVELS = 32
_FOREST_ROWS = 50_000  # rows that each tree sees: more make it larger and hardly better
_DIGITS = 9


class Classifier(Protocol):
    """What is used of a scikit-learn classifier of two classes."""

    def fit(self, X: Floats, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Train it."""
        ...

    def predict_proba(self, X: Floats) -> Floats:  # noqa: N803 - scikit-learn's name
        """The probabilities (rows, classes)."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kind of model; `fit` gives one trained on a table with a seed."""

    name: str
    fit: Callable[[UseCase, Table, int], Classifier]


def logistic_regression(case: UseCase, table: Table, seed: int) -> Classifier:
    """Linear in the scaled inputs, and in each level of a lookup that has few.

    Levels, because what a looked-up level says of churn need not rise with its number.
    """
    levels = _level_columns(case, table)
    numbers = [column for column in range(table.inputs.shape[1]) if column not in levels]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float64)
    inputs = ColumnTransformer(
        [("levels", encoder, levels), ("numbers", StandardScaler(), numbers)]
    )
    regression = LogisticRegression(solver="newton-cholesky", max_iter=100, random_state=seed)
    pipeline: Classifier = Pipeline([("inputs", inputs), ("regression", regression)])
    _round(pipeline.fit(table.inputs, table.labels))
    return pipeline


def random_forest(case: UseCase, table: Table, seed: int) -> Classifier:  # noqa: ARG001 - trees need no levels
    """100 trees, held small enough for 5 MB and for the rate."""
    forest: Classifier = RandomForestClassifier(
        100,
        max_leaf_nodes=150,
        min_samples_leaf=20,
        max_features=0.5,
        max_samples=min(1.0, _FOREST_ROWS / len(table.labels)),
        n_jobs=-1,
        random_state=seed,
    )
    return forest.fit(table.inputs, table.labels)


CANDIDATES = (
    Candidate("logistic_regression", logistic_regression),
    Candidate("random_forest", random_forest),
)


def lookup_columns(case: UseCase) -> dict[int, float]:
    """The input columns that are looked up, each with its default."""
    defaults = {lookup.name: lookup.default for lookup in case.lookups}
    named = enumerate(case.inputs)
    return {column: defaults[name] for column, name in named if name in defaults}


def _level_columns(case: UseCase, table: Table) -> list[int]:
    return [column for column in lookup_columns(case) if _few_levels(table.inputs[:, column])]


def _few_levels(values: Floats) -> bool:
    """Whole numbers, since ONNX encodes no others, and not many of them."""
    levels = np.unique(values)
    return len(levels) <= _MOST_LEVELS and bool(np.all(levels == np.floor(levels)))


def _round(pipeline: Any) -> None:
    """Cut what is learnt to 9 digits, so that another processor's last bits change no byte."""
    scaler = pipeline.named_steps["inputs"].named_transformers_["numbers"]
    regression = pipeline.named_steps["regression"]
    for owner, names in ((scaler, ("mean_", "scale_")), (regression, ("coef_", "intercept_"))):
        for name in names:
            setattr(owner, name, _significant(getattr(owner, name)))


def _significant(values: Floats) -> Floats:
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values.flat]).reshape(values.shape)
