from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from promotion.comparison import Scored, compare
from training.fairness import fairness
from training.table import Floats, Table
from training.witness import AGE
from use_cases.first_day_churn import USE_CASE

USERS, ROWS = 400, 5


def world(seed: int = 1) -> tuple[Table, Floats]:
    """Users with a probability each, and labels by it; the first input tells a group."""
    dice = np.random.default_rng(seed)
    truth = np.repeat(dice.uniform(0.05, 0.95, USERS), ROWS)
    labels = np.repeat(dice.uniform(size=USERS) < truth[::ROWS], ROWS).astype(np.int64)
    inputs = np.zeros((USERS * ROWS, len(USE_CASE.inputs)))
    inputs[:, 0] = np.repeat(np.arange(USERS) % 2, ROWS)
    users = np.repeat(np.arange(USERS), ROWS)
    return Table(inputs, labels, users, tuple(f"u{n}" for n in range(USERS))), truth


TABLE, TRUTH = world()
BEST = Scored(TRUTH, 0.5)
BLIND = Scored(np.full(len(TRUTH), float(np.mean(TABLE.labels))), 0.5)
BLIND_OF_FEW = Scored(np.full(100 * ROWS, 0.5), 0.5)
SHY = Scored(0.5 + (TRUTH - 0.5) / 3, 0.5)
"""Ranks as the best does, with probabilities that are too near to a half."""


def test_a_model_against_itself_differs_by_nothing() -> None:
    same = compare(USE_CASE, TABLE, BEST, BEST)
    assert (same.log_loss.low, same.log_loss.value, same.log_loss.high) == (0, 0, 0)
    assert same.champion == same.challenger
    assert (same.rows, same.users) == (USERS * ROWS, USERS)


def test_a_better_model_is_better_beyond_the_interval() -> None:
    assert compare(USE_CASE, TABLE, BLIND, BEST).log_loss.is_below_zero
    assert compare(USE_CASE, TABLE, BEST, BLIND).log_loss.is_above_zero


def test_the_log_loss_is_that_of_the_definition() -> None:
    wanted = -np.mean(np.where(TABLE.labels == 1, np.log(TRUTH), np.log(1 - TRUTH)))
    assert compare(USE_CASE, TABLE, BEST, BLIND).champion.log_loss == pytest.approx(wanted)


def test_a_certain_and_wrong_probability_costs_much_but_not_without_end() -> None:
    wrong = Scored((1 - TABLE.labels).astype(np.float64), 0.5)
    assert 30 < compare(USE_CASE, TABLE, wrong, BEST).champion.log_loss < 40


def test_probabilities_too_near_to_a_half_are_badly_calibrated_and_rank_as_well() -> None:
    found = compare(USE_CASE, TABLE, BEST, SHY)
    assert found.calibration_error.is_above_zero
    assert found.challenger.calibration_error.low > 0.05
    assert found.challenger.auc == found.champion.auc


def test_of_a_calibrated_model_no_error_is_beyond_doubt_however_few_users_there_are() -> None:
    few = TABLE.where(TABLE.users < 100)
    error = compare(
        USE_CASE, few, BLIND_OF_FEW, Scored(TRUTH[TABLE.users < 100], 0.5)
    ).challenger.calibration_error
    assert error.value > 0.05
    assert error.low < 0.01


def test_rates_of_errors_are_told_by_group() -> None:
    """In the group 1 everybody is said to churn: all who stayed are false alarms."""
    unfair = Scored(np.where(TABLE.inputs[:, 0] == 1, 1.0, 0.0), 0.5)
    gaps = compare(USE_CASE, TABLE, BEST, unfair).challenger.gaps
    assert gaps == {"false alarms by socioeconomic_idx": 1, "misses by socioeconomic_idx": 1}


def test_a_group_of_few_users_tells_no_rate() -> None:
    few = TABLE.where((TABLE.inputs[:, 0] == 0) | (TABLE.users < 20))
    rows = (TABLE.inputs[:, 0] == 0) | (TABLE.users < 20)
    unfair = Scored(np.where(few.inputs[:, 0] == 1, 1.0, 0.0), 0.5)
    best = Scored(TRUTH[rows], 0.5)
    assert set(compare(USE_CASE, few, best, unfair).challenger.gaps.values()) == {None}


def test_where_no_group_is_large_enough_no_gap_is_known() -> None:
    few = TABLE.where(TABLE.users < 20)
    best = Scored(TRUTH[TABLE.users < 20], 0.5)
    assert set(compare(USE_CASE, few, best, best).challenger.gaps.values()) == {None}


def test_where_no_age_is_known_the_gap_by_age_is_not_known() -> None:
    table = replace(TABLE, beside={AGE: np.full(len(TABLE.labels), np.nan)})
    gaps = compare(USE_CASE, table, BEST, BEST).challenger.gaps
    assert (gaps["false alarms by age"], gaps["misses by age"]) == (None, None)


def aged() -> Table:
    """The same users, of whom each fourth one is 65 and the others 35."""
    ages = np.where(TABLE.users % 4 == 0, 65.0, 35.0)
    return replace(TABLE, beside={AGE: ages})


def test_rates_of_errors_are_told_by_age_where_it_is_known() -> None:
    table = aged()
    unfair = Scored(np.where(table.beside[AGE] > 60, 1.0, 0.0), 0.5)
    gaps = compare(USE_CASE, table, BEST, unfair).challenger.gaps
    assert (gaps["false alarms by age"], gaps["misses by age"]) == (1, 1)


def test_every_division_of_a_manifest_is_compared() -> None:
    table = aged()
    told = fairness(USE_CASE, table, TRUTH, 0.5)
    gaps = compare(USE_CASE, table, BEST, BEST).challenger.gaps
    assert len(told) == 2
    assert set(gaps) == {
        f"{kind} by {name}" for name in told for kind in ("misses", "false alarms")
    }


def test_the_same_gives_the_same() -> None:
    assert compare(USE_CASE, TABLE, BLIND, BEST) == compare(USE_CASE, TABLE, BLIND, BEST)
