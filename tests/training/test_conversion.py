from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.declaration import UseCase
from training.candidates import CANDIDATES, Candidate, Classifier
from training.conversion import (
    Limits,
    OnnxScorer,
    Unfit,
    _prove,
    check_limits,
    converted,
    rows_per_second,
)
from training.table import Floats, Table


class Same(OnnxScorer):
    """Answers 0.6 for every row."""

    def __init__(self) -> None:
        pass

    def score(self, inputs: Floats) -> Floats:
        return np.full(len(inputs), 0.6)


class ByBatch(Same):
    """Answers a little differently for a row alone."""

    def score(self, inputs: Floats) -> Floats:
        return np.full(len(inputs), 0.6 if len(inputs) > 1 else 0.6 + 1e-9)


class Unknown(LogisticRegression):  # type: ignore[misc] # scikit-learn ships no types
    """A classifier of which the converter knows nothing."""


INPUTS = np.zeros((20, 2))
KINDS = list({one.name: one for one in CANDIDATES[::-1]}.values())


@pytest.mark.parametrize("candidate", KINDS, ids=lambda one: one.name)
def test_a_converted_candidate_answers_as_before(
    candidate: Candidate, case: UseCase, table: Table
) -> None:
    model = candidate.fit(case, table, 1)
    scores = OnnxScorer(converted(model, table.inputs, 0.5)).score(table.inputs)
    wanted = model.predict_proba(table.inputs)[:, 1]
    assert np.max(np.abs(scores - wanted)) < 1e-5
    assert ((scores >= 0.5) == (wanted >= 0.5)).all()


@pytest.mark.parametrize("candidate", KINDS, ids=lambda one: one.name)
def test_a_candidate_is_the_same_bytes_again(
    candidate: Candidate, case: UseCase, table: Table
) -> None:
    once, again = (converted(candidate.fit(case, table, 1), table.inputs, 0.5) for _ in range(2))
    assert once == again


def test_the_regression_is_converted_with_double_inputs(case: UseCase, table: Table) -> None:
    model = CANDIDATES[0].fit(case, table, 1)
    scorer = OnnxScorer(converted(model, table.inputs, 0.5))
    nudged = table.inputs[:1] * (1 + 1e-12)  # not to be seen in single precision
    assert scorer.score(nudged)[0] != scorer.score(table.inputs[:1])[0]


def test_what_the_converter_does_not_know_is_unfit(table: Table) -> None:
    model: Classifier = Unknown(solver="newton-cholesky").fit(table.inputs, table.labels)
    with pytest.raises(Unfit, match="no conversion"):
        converted(model, table.inputs, 0.5)


def test_a_different_answer_is_unfit() -> None:
    with pytest.raises(Unfit, match="differs"):
        _prove(Same(), INPUTS, np.full(20, 0.6 + 2e-5), 0.5)


def test_an_answer_that_is_no_number_is_unfit() -> None:
    with pytest.raises(Unfit, match="differs"):
        _prove(Same(), INPUTS, np.full(20, np.nan), 0.5)


def test_a_flipped_decision_is_unfit_however_close() -> None:
    with pytest.raises(Unfit, match="20 decisions flip"):
        _prove(Same(), INPUTS, np.full(20, 0.6 - 1e-9), 0.6)


def test_an_answer_that_depends_on_the_batch_is_unfit() -> None:
    with pytest.raises(Unfit, match="batch"):
        _prove(ByBatch(), INPUTS, np.full(20, 0.6), 0.5)


def test_a_model_too_large_is_unfit() -> None:
    with pytest.raises(Unfit, match="101 bytes"):
        check_limits(101, 10.0, Limits(size=100, rate=10.0))


def test_a_model_too_slow_is_unfit() -> None:
    with pytest.raises(Unfit, match="9 rows/s"):
        check_limits(100, 9.0, Limits(size=100, rate=10.0))


def test_a_model_at_its_limits_is_fit() -> None:
    check_limits(100, 10.0, Limits(size=100, rate=10.0))


def test_the_rate_is_measured(case: UseCase, table: Table) -> None:
    content = converted(CANDIDATES[0].fit(case, table, 1), table.inputs, 0.5)
    assert rows_per_second(content, table.inputs) > 0
