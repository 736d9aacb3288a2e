from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cli.stack.restarts import History, Policy

POLICY = Policy(first_pause=1, longest_pause=8, refused_pause=20, steady_after=30)
SECONDS = st.floats(0, 1e6)


def deaths(*lives: float) -> History:
    """The history after lives of so many seconds, all at the moment 0."""
    history = History()
    for ran in lives:
        history = history.after_death(1, ran, 0, POLICY)
    return history


def test_the_first_death_is_followed_by_the_first_pause() -> None:
    assert History().after_death(1, ran=5, now=100, policy=POLICY).start_at == 101


def test_pauses_double_up_to_the_longest() -> None:
    assert [deaths(*[0.0] * count).start_at for count in (1, 2, 3, 4, 5, 99)] == [1, 2, 4, 8, 8, 8]


def test_a_worker_that_ran_steadily_begins_anew() -> None:
    assert deaths(0, 0, 0, 31).start_at == 1


def test_a_worker_that_refused_is_left_alone_for_long() -> None:
    refused = History().after_death(3, ran=0, now=0, policy=POLICY)
    assert refused.refused
    assert refused.start_at == 20


def test_a_worker_that_died_after_a_refusal_is_not_refused_any_more() -> None:
    assert not History(status=3).after_death(1, ran=0, now=0, policy=POLICY).refused


def test_all_deaths_are_counted_steady_or_not() -> None:
    assert deaths(0, 31, 0).deaths == 3


@given(st.lists(st.tuples(st.integers(-64, 255), SECONDS)), SECONDS)
def test_it_is_always_started_again_and_never_at_once(
    lives: list[tuple[int, float]], now: float
) -> None:
    history = History()
    for status, ran in lives:
        history = history.after_death(status, ran, now, POLICY)
        assert POLICY.first_pause <= round(history.start_at - now, 6) <= POLICY.refused_pause
