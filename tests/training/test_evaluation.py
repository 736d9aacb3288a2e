from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.declaration import UseCase
from training.evaluation import STAGES, evaluate, loss
from training.optimum import first_day_churn
from training.table import Floats, Table


def half(inputs: Floats) -> Floats:
    return np.full(len(inputs), 0.5)


def test_log_loss_is_the_natural_one() -> None:
    assert loss(np.array([1, 0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2), abs=1e-6)


def test_log_loss_of_one_label_only_is_known() -> None:
    assert loss(np.array([1, 1]), np.array([0.5, 0.5])) == pytest.approx(math.log(2), abs=1e-6)


def test_stages_leave_out_no_score_up_to_100_events() -> None:
    assert [n for low, high in STAGES for n in range(low, high + 1)] == list(range(2, 101))


def test_every_row_is_in_one_stage(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, table, half, 0.5, None)
    assert sum(stage["rows"] for stage in metrics["by_counted_events"]) == len(table.labels)


def test_knowing_nothing_has_an_auc_of_one_half(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, table, half, 0.5, None)
    assert metrics["auc"] == 0.5
    assert metrics["accuracy"] == pytest.approx(table.labels.mean(), abs=1e-6)


def test_without_lookups_the_model_sees_their_defaults(case: UseCase, table: Table) -> None:
    seen: list[Floats] = []

    def score(inputs: Floats) -> Floats:
        seen.append(inputs)
        return half(inputs)

    evaluate(case, table, score, 0.5, None)
    as_they_were, without = seen
    assert as_they_were is table.inputs
    assert set(without[:, 0]) == {0.0}
    assert np.array_equal(without[:, 1:], table.inputs[:, 1:])


def test_an_auc_of_one_label_only_is_none(case: UseCase, table: Table) -> None:
    churned = table.where(table.labels == 1)
    assert evaluate(case, churned, half, 0.5, None)["auc"] is None


def test_the_best_possible_stands_beside_the_models(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, table, half, 0.5, first_day_churn)
    assert metrics["optimum"]["log_loss"] < metrics["log_loss"]
    assert all("optimum_auc" in stage for stage in metrics["by_counted_events"])


def test_where_the_best_is_not_known_none_is_named(case: UseCase, table: Table) -> None:
    assert evaluate(case, table, half, 0.5, None)["optimum"] is None
