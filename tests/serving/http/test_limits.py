"""Token buckets: never more than the rate allows, and never less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.limits import TokenBuckets


def test_a_caller_may_ask_twice_the_rate_at_once() -> None:
    buckets = TokenBuckets(rate=5)
    assert [buckets.take("a", now=0) for _ in range(10)] == [0] * 10
    assert buckets.take("a", now=0) > 0


def test_it_says_after_how_many_seconds_there_will_be_a_token() -> None:
    buckets = TokenBuckets(rate=5)
    while not (wait := buckets.take("a", now=0)):
        pass
    assert wait == pytest.approx(0.2)
    assert buckets.take("a", now=wait * 0.99) > 0
    assert buckets.take("a", now=wait * 1.01) == 0


def test_callers_do_not_use_up_each_other_s_tokens() -> None:
    buckets = TokenBuckets(rate=0.5)
    assert buckets.take("a", now=0) == 0
    assert buckets.take("a", now=0) > 0
    assert buckets.take("b", now=0) == 0


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    buckets = TokenBuckets(rate=0.5)
    buckets.take("a", now=100)
    assert buckets.take("a", now=0) > 0


def test_ten_thousand_callers_are_remembered_and_those_seen_last() -> None:
    buckets = TokenBuckets(rate=0.5)
    for caller in range(10_000):
        buckets.take(str(caller), now=0)
    buckets.take("0", now=0)  # asked again, and refused
    buckets.take("one more", now=0)
    assert buckets.take("0", now=0) > 0
    assert buckets.take("1", now=0) == 0  # forgotten


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.floats(0.1, 50))
def test_no_stretch_of_time_gives_more_than_the_bucket_and_what_flows_in(
    pauses: list[float], rate: float
) -> None:
    buckets, now, given_at = TokenBuckets(rate), 0.0, list[float]()
    for pause in pauses:
        now += pause
        if not buckets.take("a", now):
            given_at.append(now)
    for first, start in enumerate(given_at):
        for last in range(first, len(given_at)):
            allowed = max(1.0, 2 * rate) + (given_at[last] - start) * rate
            assert last - first + 1 <= allowed + 1e-6
