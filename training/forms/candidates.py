"""The kinds of model that compete for a form, each a scikit-learn pipeline that ONNX can hold.

Choices become columns inside it: whoever scores one row sends it as he sends many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pipeline.declaration.form import Choice, Form
from training.candidates import Classifier

Estimator = Any
"""A scikit-learn estimator that is not fitted yet."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kind of model; `make` gives one for a form and a seed, not fitted yet."""

    name: str
    make: Callable[[Form, int], Classifier]


def logistic_regression(form: Form, seed: int) -> Estimator:
    """Linear in the choices and the scaled quantities."""
    regression = LogisticRegression(solver="newton-cholesky", max_iter=100, random_state=seed)
    return make_pipeline(_inputs(form, StandardScaler()), regression)


def gradient_boosting(form: Form, seed: int) -> Estimator:
    """300 small trees, one after the other, each on a part of the rows."""
    boosting = GradientBoostingClassifier(
        n_estimators=300,
        learning_rate=0.05,
        max_depth=2,
        subsample=0.6,
        min_samples_leaf=30,
        max_features=0.5,
        random_state=seed,
    )
    return make_pipeline(_inputs(form, "passthrough"), boosting)


def random_forest(form: Form, seed: int) -> Estimator:
    """100 trees whose leaves hold ten rows or more."""
    forest = RandomForestClassifier(100, min_samples_leaf=10, random_state=seed)
    return make_pipeline(_inputs(form, "passthrough"), forest)


LOGISTIC_REGRESSION = Candidate("logistic_regression", logistic_regression)
GRADIENT_BOOSTING = Candidate("gradient_boosting", gradient_boosting)
RANDOM_FOREST = Candidate("random_forest", random_forest)
CANDIDATES = (LOGISTIC_REGRESSION, GRADIENT_BOOSTING, RANDOM_FOREST)


def _inputs(form: Form, quantities: Any) -> ColumnTransformer:
    """A column for each declared choice, whichever the table holds, and the quantities as told."""
    choices = {place: one for place, one in enumerate(form.fields) if isinstance(one, Choice)}
    levels = [np.arange(len(one.choices), dtype=np.float64) for one in choices.values()]
    encoder = OneHotEncoder(categories=levels, sparse_output=False)
    others = [place for place in range(len(form.fields)) if place not in choices]
    return ColumnTransformer([("choices", encoder, [*choices]), ("quantities", quantities, others)])
