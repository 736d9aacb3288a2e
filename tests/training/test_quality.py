from __future__ import annotations

import numpy as np
import pytest

from training.curves import curves, lift
from training.quality import calibration, calibration_bins, confusion, quality
from training.table import Floats, Integers

LABELS = np.array([1, 1, 1, 0, 0])
SAID = np.array([0.9, 0.8, 0.2, 0.7, 0.1])


def drawn(log_odds: Floats, seed: int = 1) -> Integers:
    """Labels that come true with these log-odds."""
    chance = 1 / (1 + np.exp(-log_odds))
    return (np.random.default_rng(seed).random(len(log_odds)) < chance).astype(np.int64)


LOG_ODDS = np.random.default_rng(0).normal(0, 2, 20_000)


def probabilities(log_odds: Floats) -> Floats:
    said: Floats = 1 / (1 + np.exp(-log_odds))
    return said


def test_precision_and_recall_are_of_saying_churn() -> None:
    told = quality(LABELS, SAID, 0.5)
    assert told["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert told["recall"] == pytest.approx(2 / 3, abs=1e-6)
    assert told["accuracy"] == pytest.approx(3 / 5)


def test_precision_of_who_never_says_churn_is_none() -> None:
    assert quality(LABELS, SAID, 0.95)["precision"] is None


def test_every_row_is_in_one_cell_of_the_confusion() -> None:
    assert confusion(LABELS, SAID, 0.5) == {
        "stayed_said_stay": 1,
        "stayed_said_churn": 1,
        "churned_said_stay": 1,
        "churned_said_churn": 2,
    }


def test_right_probabilities_have_slope_one_intercept_zero_and_little_error() -> None:
    told = calibration(drawn(LOG_ODDS), probabilities(LOG_ODDS))
    assert told["slope"] == pytest.approx(1, abs=0.05)
    assert told["intercept"] == pytest.approx(0, abs=0.05)
    assert told["expected_error"] < 0.02


def test_probabilities_that_are_too_sure_have_a_slope_below_one() -> None:
    told = calibration(drawn(LOG_ODDS), probabilities(2 * LOG_ODDS))
    assert told["slope"] == pytest.approx(0.5, abs=0.05)
    assert told["expected_error"] > 0.05


def test_probabilities_that_are_too_high_have_an_intercept_below_zero() -> None:
    told = calibration(drawn(LOG_ODDS), probabilities(LOG_ODDS + 1))
    assert told["intercept"] == pytest.approx(-1, abs=0.1)


def test_certain_probabilities_can_be_judged() -> None:
    assert calibration(np.array([1, 0]), np.array([1.0, 0.0]))["expected_error"] == 0


def test_of_one_label_only_there_is_no_slope() -> None:
    assert calibration(np.array([1, 1]), np.array([0.6, 0.7]))["slope"] is None


def test_bins_hold_all_rows_and_rise() -> None:
    bins = calibration_bins(drawn(LOG_ODDS), probabilities(LOG_ODDS))
    assert sum(one["rows"] for one in bins) == len(LOG_ODDS)
    means = [one["mean_probability"] for one in bins]
    assert means == sorted(means)


def test_few_rows_have_fewer_bins() -> None:
    assert len(calibration_bins(LABELS, SAID)) == len(LABELS)


def test_lift_of_all_is_one_and_of_the_surest_what_they_are_over_all() -> None:
    told = lift(np.array([1, 0] * 50), np.array([0.9, 0.1] * 50))
    assert told[-1] == {"percent": 100, "lift": 1.0, "found": 1.0}
    assert told[0] == {"percent": 5, "lift": 2.0, "found": 0.1}


def test_the_roc_of_perfect_answers_goes_through_the_corner() -> None:
    roc = curves(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]), 0.5)["roc"]
    assert roc["true_positive_rate"][0] == 1


def test_precision_at_full_recall_is_the_share_that_churned() -> None:
    points = curves(LABELS, SAID, 0.5)["precision_recall"]
    assert points["recall"][-1] == 1
    assert points["precision"][-1] == pytest.approx(3 / 4, abs=1e-6)
