"""The kinds of model that compete, each as a scikit-learn pipeline that ONNX can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # ships no types

from pipeline.declaration import UseCase
from training.table import Floats, Table

_MOST_LEVELS = 32
_TREE_ROWS = 20_000  # that each tree of a forest sees: rows of one user say much the same
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
    """A kind of model with its parameters; `fit` gives one trained on a table with a seed."""

    name: str
    learn: Callable[..., Classifier]
    parameters: Mapping[str, float]

    def fit(self, case: UseCase, table: Table, seed: int) -> Classifier:
        """A trained model; the same table and seed give the same one."""
        return self.learn(case, table, seed, **self.parameters)


def logistic_regression(case: UseCase, table: Table, seed: int, weight: float = 1.0) -> Classifier:
    """Linear in the scaled inputs, and in each level of a lookup that has few.

    Levels, because what a looked-up level says of churn need not rise with its number. `weight` is
    that of the data against small coefficients.
    """
    levels = _level_columns(case, table)
    numbers = [column for column in range(table.inputs.shape[1]) if column not in levels]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float64)
    inputs = ColumnTransformer(
        [("levels", encoder, levels), ("numbers", StandardScaler(), numbers)]
    )
    regression = LogisticRegression(
        C=weight, solver="newton-cholesky", max_iter=100, random_state=seed
    )
    pipeline: Classifier = Pipeline([("inputs", inputs), ("regression", regression)])
    _round(pipeline.fit(table.inputs, table.labels))
    return pipeline


def random_forest(
    _case: UseCase, table: Table, seed: int, leaves: int = 150, rows_in_leaf: int = 20
) -> Classifier:
    """100 trees, held small enough for 5 MB and for the rate.

    In one thread: those of scikit-learn reset each other's filters of warnings, and add up the
    trees in the order in which they finish.
    """
    forest: Classifier = RandomForestClassifier(
        100,
        max_leaf_nodes=leaves,
        min_samples_leaf=rows_in_leaf,
        max_features=0.5,
        max_samples=min(1.0, _TREE_ROWS / len(table.labels)),
        random_state=seed,
    )
    return forest.fit(table.inputs, table.labels)


def ada_boost(_case: UseCase, table: Table, seed: int, depth: int = 1) -> Classifier:
    """50 small trees, each on what those before it got wrong."""
    boost: Classifier = AdaBoostClassifier(
        DecisionTreeClassifier(max_depth=depth), n_estimators=50, random_state=seed
    )
    return boost.fit(table.inputs, table.labels)


def hist_gradient_boosting(
    _case: UseCase, table: Table, seed: int, leaves: int = 31, rate: float = 0.1
) -> Classifier:
    """100 trees along the gradient of the log loss, on binned inputs."""
    boost: Classifier = HistGradientBoostingClassifier(
        learning_rate=rate,
        max_iter=100,
        max_leaf_nodes=leaves,
        early_stopping=False,  # it would judge by rows of the users it learns from
        random_state=seed,
    )
    with threadpool_limits(1, "openmp"):  # its threads wait in loops, for longer than they work
        return boost.fit(table.inputs, table.labels)


CANDIDATES = (
    Candidate("logistic_regression", logistic_regression, {"weight": 1.0}),
    Candidate("logistic_regression", logistic_regression, {"weight": 0.01}),
    Candidate("hist_gradient_boosting", hist_gradient_boosting, {"leaves": 31, "rate": 0.1}),
    Candidate("hist_gradient_boosting", hist_gradient_boosting, {"leaves": 8, "rate": 0.1}),
    Candidate("hist_gradient_boosting", hist_gradient_boosting, {"leaves": 8, "rate": 0.05}),
    Candidate("random_forest", random_forest, {"leaves": 150, "rows_in_leaf": 20}),
    Candidate("random_forest", random_forest, {"leaves": 50, "rows_in_leaf": 200}),
    Candidate("ada_boost", ada_boost, {"depth": 1}),
    Candidate("ada_boost", ada_boost, {"depth": 2}),
)
"""The simplest kind first: it is kept where another is not better."""


def lookup_columns(case: UseCase) -> dict[int, float]:
    """The input columns that are looked up, each with its default."""
    defaults = {lookup.name: lookup.default for lookup in case.lookups}
    named = enumerate(case.inputs)
    return {column: defaults[name] for column, name in named if name in defaults}


def has_few_levels(values: Floats) -> bool:
    """Whole numbers, since ONNX encodes no others, and not many of them."""
    levels = np.unique(values)
    return len(levels) <= _MOST_LEVELS and bool(np.all(levels == np.floor(levels)))


def _level_columns(case: UseCase, table: Table) -> list[int]:
    return [column for column in lookup_columns(case) if has_few_levels(table.inputs[:, column])]


def _round(pipeline: Any) -> None:
    """Cut what is learnt to 9 digits, so that another processor's last bits change no byte."""
    scaler = pipeline.named_steps["inputs"].named_transformers_["numbers"]
    regression = pipeline.named_steps["regression"]
    for owner, names in ((scaler, ("mean_", "scale_")), (regression, ("coef_", "intercept_"))):
        for name in names:
            setattr(owner, name, _significant(getattr(owner, name)))


def _significant(values: Floats) -> Floats:
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values.flat]).reshape(values.shape)
