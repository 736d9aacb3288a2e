"""What is a flood, and what not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_handler.flood import LEAST_RECORDS, WINDOW_SECONDS, Flood
from tests.support.properties import PROPERTY

counts = st.lists(
    st.tuples(st.floats(0, 90), st.integers(0, 2_000), st.floats(0, 1)), min_size=1, max_size=20
)


def test_more_than_the_share_of_a_thousand_records_is_a_flood() -> None:
    flood = Flood(0.5)
    flood.count(0, 1_000, 501)
    assert flood.rejected_share() == pytest.approx(0.501)


@pytest.mark.parametrize(("records", "rejected"), [(1_000, 500), (999, 999), (100_000, 1_000)])
def test_bad_luck_is_no_flood(records: int, rejected: int) -> None:
    flood = Flood(0.5)
    flood.count(0, records, rejected)
    assert flood.rejected_share() is None


def test_what_is_older_than_a_minute_does_not_count() -> None:
    flood = Flood(0.5)
    flood.count(0, 1_000, 600)
    flood.count(59, 1_000, 600)
    flood.count(61, 100, 0)
    assert flood.rejected_share() == pytest.approx(600 / 1_100)
    flood.count(120, 100, 100)
    assert flood.rejected_share() is None


def test_with_a_share_of_one_nothing_is_a_flood() -> None:
    flood = Flood(1)
    flood.count(0, 5_000, 5_000)
    assert flood.rejected_share() is None


def test_it_begins_anew_when_it_is_told_to() -> None:
    flood = Flood(0.5)
    flood.count(0, 1_000, 1_000)
    flood.forget()
    assert flood.rejected_share() is None
    flood.count(0, 1_000, 1_000)
    assert flood.rejected_share() == 1


@PROPERTY
@given(counts, st.floats(0, 1))
def test_it_is_what_the_last_minute_s_records_say(
    steps: list[tuple[float, int, float]], share: float
) -> None:
    flood, now, seen = Flood(share), 0.0, list[tuple[float, int, int]]()
    for wait, records, part in steps:
        now += wait
        seen.append((now, records, int(records * part)))
        flood.count(*seen[-1])
    recent = [(all_, bad) for at, all_, bad in seen if at > now - WINDOW_SECONDS]
    records, rejected = sum(all_ for all_, _ in recent), sum(bad for _, bad in recent)
    if records < LEAST_RECORDS or rejected <= share * records:
        assert flood.rejected_share() is None
    else:
        assert flood.rejected_share() == rejected / records
