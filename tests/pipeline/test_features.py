"""What is read of a state for its features alone is what the fold tells of all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.declaration import UseCase
from pipeline.features import FeatureCodec
from pipeline.fold import Fold
from pipeline.state import EntityState, Raw, StateCodec
from pipeline.times import HOUR
from tests.pipeline.test_state import states, stored
from tests.support.events import NOON
from tests.support.properties import PROPERTY
from tests.support.rolling import CASE as ROLLING
from tests.support.rolling import bet
from use_cases.first_day_churn import USE_CASE

CODEC = FeatureCodec(USE_CASE)


def asked(case: UseCase, state: EntityState) -> list[Raw]:
    """The values that are asked for, as Redis gives them back."""
    codec = StateCodec(case)
    held = dict(zip(codec.fields, stored(codec.encode(state)), strict=False))
    return [held[name] for name in FeatureCodec(case).fields]


@PROPERTY
@given(states(USE_CASE))
def test_features_are_those_of_the_whole_state(state: EntityState) -> None:
    found = CODEC.decode(asked(USE_CASE, state))
    assert found is not None
    told = CODEC.values(found, NOON)
    expected = Fold(USE_CASE).values(state, NOON)
    assert list(map(repr, told)) == list(map(repr, expected))
    assert found.newest == (state.newest or 0)


@PROPERTY
@given(st.lists(st.integers(0, 100 * HOUR), min_size=1, max_size=20), st.integers(0, 200 * HOUR))
def test_rolling_windows_are_read_as_of_the_moment(times: list[int], later: int) -> None:
    fold, state = Fold(ROLLING), Fold(ROLLING).empty()
    for number, after in enumerate(times):
        fold.apply(state, bet(NOON + after, stake=number / 7, game=number), {})
    codec = FeatureCodec(ROLLING)
    found = codec.decode(asked(ROLLING, state))
    assert found is not None
    as_of = found.newest + later
    assert codec.features(found, as_of) == fold.features(state, as_of)


def test_of_whom_nothing_is_stored_nothing_is_read() -> None:
    assert CODEC.decode([None] * len(CODEC.fields)) is None


@pytest.mark.parametrize("wrong", [None, b"no number", b""])
def test_a_torn_state_is_noticed(wrong: Raw) -> None:
    values = asked(USE_CASE, EntityState.empty(USE_CASE))
    values[1] = wrong
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, the reader names the partition
        CODEC.decode(values)
