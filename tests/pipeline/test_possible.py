"""Which values a feature can have: whatever the fold makes, and little else."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import use_cases
from pipeline.declaration.possible import MOST_COUNTED, Span, possible
from pipeline.events import EventDecoder
from pipeline.fold import Fold
from tests.support.events import bet, purchase
from tests.support.properties import PROPERTY
from use_cases.first_day_churn import USE_CASE

SPANS = possible(USE_CASE)
MOST = 1e9
AMOUNTS = st.floats(0, MOST) | st.sampled_from([0.0, 5e-324, MOST, math.nextafter(MOST, 0)])


@PROPERTY
@given(st.lists(AMOUNTS, max_size=30))
def test_whatever_the_fold_makes_is_possible(amounts: list[float]) -> None:
    fold, decoder = Fold(USE_CASE), EventDecoder(USE_CASE)
    state = fold.empty()
    for event in (purchase(MOST), *map(bet, amounts)):
        fold.apply(state, decoder.decode(orjson.dumps(event)), {})
    told = fold.features(state, state.newest or 0)
    assert told.keys() == SPANS.keys()
    for name, value in told.items():
        span = SPANS[name]
        assert span.low <= value <= span.high, name
        assert not span.is_whole or value == int(value), name


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("bet_count", Span(0, MOST_COUNTED, is_whole=True)),
        ("bet_var", Span(0, MOST**2)),
        ("bet_sum", Span(0, MOST * MOST_COUNTED)),
        ("bet_mean", Span(0, MOST * (1 + 1e-9))),
        ("socioeconomic_idx", Span()),
    ],
)
def test_a_feature_is_bound_by_its_statistic_and_its_field(name: str, span: Span) -> None:
    assert SPANS[name] == span


def test_different_values_are_counted_up_to_32() -> None:
    spans = possible(use_cases.load("player_activity"))
    assert spans["game_24h_distinct"] == Span(0, 32, is_whole=True)
    assert spans["win_1h_last"] == Span(0, MOST * (1 + 1e-9))


def test_a_span_says_what_is_in_it() -> None:
    assert str(SPANS["bet_count"]) == "a whole number from 0 to 9.0072e+15"
    assert str(Span(-1.5, 2)) == "a number from -1.5 to 2"
