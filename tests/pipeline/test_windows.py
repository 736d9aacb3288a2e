"""Windows decide what counts; moments are Welford's, close to exact and never NaN."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.times import HOUR
from pipeline.windows import FirstDay, Lifetime, Moments
from tests.support.events import NOON
from tests.support.properties import PROPERTY

DAY = FirstDay(opens_with="purchase", hours=24)
amounts = st.floats(0, 1e9, allow_nan=False)
whole_amounts = st.integers(0, 10**9).map(float)


def moments_of(values: list[float]) -> Moments:
    moments = Moments()
    for value in values:
        moments.add(value)
    return moments


@pytest.mark.parametrize(
    ("after", "refusal"),
    [
        (0, None),
        (1, None),
        (24 * HOUR, None),
        (24 * HOUR + 1, "after_window"),
        (-1, "before_window"),
    ],
)
def test_the_first_day_includes_both_its_edges(after: int, refusal: str | None) -> None:
    assert DAY.refusal(NOON, NOON + after) == refusal


def test_before_its_first_record_a_window_is_not_open() -> None:
    assert DAY.refusal(None, NOON) == "not_open"


def test_a_first_day_has_as_many_hours_as_declared() -> None:
    assert FirstDay("purchase", hours=1).refusal(NOON, NOON + HOUR + 1) == "after_window"


@pytest.mark.parametrize("at", [0, NOON, 2**62])
def test_a_lifetime_takes_everything_in(at: int) -> None:
    assert Lifetime().refusal(None, at) is None


def test_nothing_taken_in_is_all_zero() -> None:
    empty = Moments()
    assert (empty.count, empty.sum, empty.mean, empty.var) == (0, 0, 0, 0)


def test_the_variance_of_one_value_is_zero() -> None:
    assert moments_of([7.0]).var == 0


def test_the_variance_is_that_of_a_sample() -> None:
    assert moments_of([2.0, 4.0, 9.0]).var == 13


def test_a_copy_is_independent() -> None:
    first = moments_of([1.0])
    first.copy().add(2.0)
    assert first == moments_of([1.0])


@PROPERTY
@given(st.lists(amounts, max_size=60))
def test_moments_equal_exact_fractions(values: list[float]) -> None:
    """Relative 1e-9; a spread far below the values' own resolution has no exact double."""
    found, exact = moments_of(values), [Fraction(value) for value in values]
    count = len(exact)
    total = sum(exact, Fraction())
    mean = total / count if count else Fraction()
    squares = sum(((value - mean) ** 2 for value in exact), Fraction())
    var = squares / (count - 1) if count > 1 else Fraction()
    assert found.count == count
    assert math.isclose(found.sum, total, rel_tol=1e-9)
    assert math.isclose(found.mean, mean, rel_tol=1e-9)
    assert math.isclose(found.var, var, rel_tol=1e-9, abs_tol=float(mean) ** 2 * 1e-15)


@PROPERTY
@given(st.lists(whole_amounts, min_size=2, max_size=60))
def test_the_sum_of_whole_amounts_is_exact(values: list[float]) -> None:
    assert moments_of(values).sum == sum(map(int, values))


@PROPERTY
@given(st.lists(amounts, max_size=60))
def test_no_moment_is_ever_nan_or_infinite_or_negative(values: list[float]) -> None:
    found = moments_of(values)
    assert all(math.isfinite(one) and one >= 0 for one in (found.sum, found.mean, found.var))
