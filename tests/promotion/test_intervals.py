"""The intervals hold what they promise, on numbers whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from promotion.intervals import confidence_sequence, interval, resampled
from training.table import Floats


def mean(totals: Floats) -> Floats:
    return np.asarray(totals[:, 1] / totals[:, 0])


def sums(values: Floats) -> Floats:
    """Users with one row each."""
    return np.column_stack([np.ones(len(values)), values])


def test_resampling_draws_as_many_users_as_there_are() -> None:
    totals = resampled(sums(np.arange(50.0)), seed=1, draws=20)
    assert totals.shape == (20, 2)
    assert (totals[:, 0] == 50).all()


def test_the_same_seed_gives_the_same_interval() -> None:
    data = sums(np.arange(50.0))
    assert np.array_equal(resampled(data, seed=1), resampled(data, seed=1))
    assert not np.array_equal(resampled(data, seed=1), resampled(data, seed=2))


def test_an_interval_is_about_as_wide_as_the_textbook_says() -> None:
    values = np.random.default_rng(5).normal(3, 2, 2_000)
    data = sums(values)
    found = interval(mean, data, resampled(data, seed=1))
    radius = 1.96 * np.std(values) / math.sqrt(len(values))
    assert found.value == pytest.approx(np.mean(values))
    assert found.high - found.low == pytest.approx(2 * radius, rel=0.1)


def test_users_with_rows_that_say_the_same_count_once() -> None:
    """Ten equal rows of a user are one observation, so the interval is not narrower."""
    values = np.random.default_rng(5).normal(0, 1, 400)
    once, ten_times = sums(values), sums(values) * 10
    one, ten = (interval(mean, data, resampled(data, seed=1)) for data in (once, ten_times))
    assert (one.low, one.high) == pytest.approx((ten.low, ten.high))


def test_looking_after_every_user_errs_in_no_more_than_five_of_a_hundred_trials() -> None:
    """A fixed interval, looked at as often, errs in far more."""
    dice = np.random.default_rng(7)
    looks = range(100, 2_001, 100)
    wrong = fixed = 0
    for _ in range(300):
        values = dice.exponential(1, 2_000) - 1
        found = [confidence_sequence(values[:count]) for count in looks]
        wrong += any(one.is_below_zero or one.is_above_zero for one in found)
        fixed += any(
            abs(np.mean(values[:count])) > 1.96 * np.std(values[:count]) / math.sqrt(count)
            for count in looks
        )
    assert wrong <= 15
    assert fixed > 45


def test_a_difference_that_is_there_is_found() -> None:
    values = np.random.default_rng(3).normal(-0.2, 1, 3_000)
    assert confidence_sequence(values).is_below_zero


def test_an_interval_near_zero_on_both_sides_is_within_the_margin() -> None:
    found = confidence_sequence(np.random.default_rng(3).normal(0, 0.1, 3_000))
    assert found.is_within(0.02)
    assert not found.is_within(0.001)
