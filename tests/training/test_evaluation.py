from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.declaration import UseCase
from training.costs import USUAL
from training.evaluation import EARLY, STAGES, calibrations, evaluate, nth_scores
from training.optimum import OPTIMA
from training.quality import loss
from training.table import Floats, Table

OPTIMUM = OPTIMA["first_day_churn"]


def half(inputs: Floats) -> Floats:
    return np.full(len(inputs), 0.5)


def test_log_loss_is_the_natural_one() -> None:
    assert loss(np.array([1, 0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2), abs=1e-6)


def test_log_loss_of_one_label_only_is_known() -> None:
    assert loss(np.array([1, 1]), np.array([0.5, 0.5])) == pytest.approx(math.log(2), abs=1e-6)


def test_stages_leave_out_no_score_up_to_100_events() -> None:
    assert [n for low, high in STAGES for n in range(low, high + 1)] == list(range(2, 101))


def test_every_row_is_in_one_stage(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, table, half, USUAL, None)
    assert sum(stage["rows"] for stage in metrics["by_counted_events"]) == len(table.labels)


def test_knowing_nothing_has_an_auc_of_one_half(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, table, half, USUAL, None)
    assert metrics["auc"] == 0.5
    assert metrics["accuracy"] == pytest.approx(table.labels.mean(), abs=1e-6)


def test_without_lookups_the_model_sees_their_defaults(case: UseCase, table: Table) -> None:
    seen: list[Floats] = []

    def score(inputs: Floats) -> Floats:
        seen.append(inputs)
        return half(inputs)

    evaluate(case, table, score, USUAL, None)
    as_they_were, without = seen
    assert as_they_were is table.inputs
    assert set(without[:, 0]) == {0.0}
    assert np.array_equal(without[:, 1:], table.inputs[:, 1:])


def test_an_auc_of_one_label_only_is_none(case: UseCase, table: Table) -> None:
    churned = table.where(table.labels == 1)
    assert evaluate(case, churned, half, USUAL, None)["auc"] is None


def test_the_best_possible_stands_beside_the_models(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, table, half, USUAL, OPTIMUM)
    assert metrics["optimum"]["log_loss"] < metrics["log_loss"]
    assert all("optimum_auc" in stage for stage in metrics["by_counted_events"])


def test_where_the_best_is_not_known_none_is_named(case: UseCase, table: Table) -> None:
    assert evaluate(case, table, half, USUAL, None)["optimum"] is None


def test_the_raw_log_tells_more_than_the_inputs(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, table, half, USUAL, OPTIMUM)
    assert metrics["raw_optimum"]["log_loss"] < metrics["optimum"]["log_loss"]
    assert all("raw_optimum_auc" in stage for stage in metrics["by_counted_events"])


def test_a_table_without_a_raw_log_has_one_best_possible(case: UseCase, table: Table) -> None:
    metrics = evaluate(case, replace(table, beside={}), half, USUAL, OPTIMUM)
    assert metrics["raw_optimum"] is None
    assert metrics["optimum"] is not None


def test_the_nth_score_of_a_user_is_the_nth_row_that_is_his() -> None:
    users = np.array([4, 2, 4, 4, 2])
    assert sorted(nth_scores(users, 1)) == [0, 1]
    assert sorted(nth_scores(users, 2)) == [2, 4]


def test_who_has_fewer_scores_is_asked_at_his_last() -> None:
    assert sorted(nth_scores(np.array([4, 2, 4, 4, 2]), 3)) == [3, 4]


def test_how_early_it_knows_counts_every_user_once(case: UseCase, table: Table) -> None:
    early = evaluate(case, table, half, USUAL, OPTIMUM)["how_early"]
    assert [one["scores"] for one in early] == list(EARLY)
    assert {one["users"] for one in early} == {table.count_users()}


def test_the_best_possible_knows_more_of_a_user_the_later_it_is(
    case: UseCase, table: Table
) -> None:
    early = evaluate(case, table, half, USUAL, OPTIMUM)["how_early"]
    assert early[-1]["raw_optimum_log_loss"] < early[0]["raw_optimum_log_loss"]


def test_calibration_is_told_of_the_best_possible_too(case: UseCase, table: Table) -> None:
    best = OPTIMUM.of_inputs(case, table.inputs)
    told = calibrations(case, table, best, OPTIMUM)
    assert told.pop("optimum") == told
