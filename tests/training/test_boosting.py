from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from training.boosting import Unsupported, boosting_to_onnx
from training.conversion import INPUT, PROBABILITIES, OnnxScorer, converted
from training.table import Floats, Integers

NUMBERS = np.random.default_rng(3)
INPUTS: Floats = NUMBERS.normal(size=(600, 4)).round(1)  # rounded: many rows lie on a split
LABELS: Integers = (INPUTS[:, 0] + INPUTS[:, 1] * INPUTS[:, 2] > 0).astype(np.int64)


def fitted(inputs: Floats = INPUTS, labels: Any = LABELS, **parameters: Any) -> Any:
    model = HistGradientBoostingClassifier(max_iter=20, random_state=1, **parameters)
    return model.fit(inputs, labels)


def test_it_answers_as_scikit_learn_to_the_last_digits() -> None:
    model = fitted()
    scores = OnnxScorer(converted(model, INPUTS, 0.5)).score(INPUTS)
    assert np.max(np.abs(scores - model.predict_proba(INPUTS)[:, 1])) < 1e-14


def test_a_value_on_a_split_goes_the_same_way() -> None:
    model = fitted()
    splits = [node["num_threshold"] for (one,) in model._predictors for node in one.nodes]
    rows = np.tile(np.array(splits)[:, None], (1, 4))
    content = boosting_to_onnx(model, 4, (INPUT, PROBABILITIES)).SerializeToString()
    assert OnnxScorer(content).score(rows) == pytest.approx(model.predict_proba(rows)[:, 1])


def test_a_missing_value_goes_the_same_way() -> None:
    holes = INPUTS.copy()
    holes[::3, 0] = np.nan
    model = fitted(holes)
    scores = OnnxScorer(converted(model, holes, 0.5)).score(holes)
    assert scores == pytest.approx(model.predict_proba(holes)[:, 1])


def test_its_graph_is_valid() -> None:
    onnx.checker.check_model(boosting_to_onnx(fitted(), 4, (INPUT, PROBABILITIES)))


def test_categories_are_not_supported() -> None:
    model = fitted(np.abs(INPUTS).round(), categorical_features=[0])
    with pytest.raises(Unsupported, match="only numbers"):
        boosting_to_onnx(model, 4, (INPUT, PROBABILITIES))


def test_a_tree_without_a_split_is_not_supported() -> None:
    model = fitted(np.zeros_like(INPUTS))
    with pytest.raises(Unsupported, match="without a split"):
        boosting_to_onnx(model, 4, (INPUT, PROBABILITIES))


def test_three_classes_are_not_supported() -> None:
    model = fitted(labels=np.arange(len(LABELS)) % 3)
    with pytest.raises(Unsupported, match="two classes"):
        boosting_to_onnx(model, 4, (INPUT, PROBABILITIES))
