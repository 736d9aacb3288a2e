"""A world whose churners change their ways, held against the usual one."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from generator.stream import drifting_world_of
from pipeline.errors import SettingsError
from pipeline.world import WORLD_END, WorldSize
from use_cases.first_day_churn.world import WIN, FirstDayWorld, build, drifting

SIZE = WorldSize(users=2_000, events=60, seed=3)
HALF_WAY = WORLD_END // 1_000_000 - 72 * 3_600
"""Of the time from 96 to 48 hours before the end, in which players register."""


@cache
def half() -> FirstDayWorld:
    return drifting(0.5)(SIZE)


def shares_of_wins(world: FirstDayWorld) -> dict[tuple[bool, bool], float]:
    """Of the events after the registration, by whether one churned, and whether half is over."""
    shape = (SIZE.users, SIZE.events + 1)
    kinds, times = (one.reshape(shape)[:, 1:] for one in (world._course.kind, world._course.time))
    churned = np.broadcast_to(world._players.churned[:, None], kinds.shape)
    return {
        (churner, late): float(
            np.mean(kinds[(churned == churner) & ((times >= HALF_WAY) == late)] == WIN)
        )
        for churner in (True, False)
        for late in (True, False)
    }


def test_from_half_way_on_churners_win_more_than_those_who_stay() -> None:
    shares = shares_of_wins(half())
    assert shares[True, False] == pytest.approx(0.01, abs=0.003)
    assert shares[True, True] == pytest.approx(0.12, abs=0.006)
    assert shares[False, False] == pytest.approx(0.05, abs=0.006)
    assert shares[False, True] == pytest.approx(0.05, abs=0.006)


def test_the_usual_world_does_not_drift() -> None:
    shares = shares_of_wins(build(SIZE))
    assert shares[True, True] == pytest.approx(0.01, abs=0.003)


def test_until_the_moment_the_events_are_those_of_the_usual_world() -> None:
    usual, drifted = list(build(SIZE).events()), list(half().events())
    same = next(
        n for n, (one, other) in enumerate(zip(usual, drifted, strict=True)) if one != other
    )
    times = half()._course.time[half()._order]
    assert times[same - 1] >= HALF_WAY - 60
    assert times[same] >= HALF_WAY


def test_times_and_people_stay_what_they_were() -> None:
    usual, drifted = build(SIZE), half()
    assert np.array_equal(usual._course.time, drifted._course.time)
    assert list(usual.lookups().items()) == list(drifted.lookups().items())
    assert all(
        one.key == other.key for one, other in zip(usual.events(), drifted.events(), strict=True)
    )


def test_the_later_the_moment_the_fewer_events_change() -> None:
    usual = build(SIZE)._course.kind
    changed = [
        int(np.sum(drifting(share)(SIZE)._course.kind != usual)) for share in (0.0, 0.4, 0.8)
    ]
    assert all(earlier > later > 0 for earlier, later in pairwise(changed))


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match="is none"):
        drifting_world_of("first_day_churn", share)


def test_a_world_that_never_changes_is_refused() -> None:
    with pytest.raises(SettingsError, match="never changes"):
        drifting_world_of("player_activity", 0.5)
