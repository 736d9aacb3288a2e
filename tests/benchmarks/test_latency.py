from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.percentiles import Cause, Mark, p50_p99, waited
from benchmarks.search import highest
from benchmarks.watcher import marks_in


def test_a_record_waits_for_the_first_mark_at_or_beyond_it() -> None:
    marks = [Mark(0, 4, 10.0), Mark(0, 9, 11.0)]

    found = waited([Cause(0, 4, 9.5), Cause(0, 5, 9.5), Cause(0, 9, 9.5)], marks)

    assert found.tolist() == [0.5, 1.5, 1.5]


def test_partitions_are_marked_each_for_itself() -> None:
    marks = [Mark(1, 9, 10.0), Mark(0, 9, 12.0)]

    assert waited([Cause(0, 1, 9.0), Cause(1, 1, 9.0)], marks).tolist() == [3.0, 1.0]


def test_a_marker_that_went_back_has_still_been_where_it_was() -> None:
    marks = [Mark(0, 5, 10.0), Mark(0, 2, 11.0), Mark(0, 6, 12.0)]

    assert waited([Cause(0, 4, 9.0), Cause(0, 6, 9.0)], marks).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("marks", [[], [Mark(1, 9, 1.0)], [Mark(0, 3, 1.0)]])
def test_a_record_that_was_never_marked_is_an_error(marks: list[Mark]) -> None:
    with pytest.raises(ValueError, match="never seen"):
        waited([Cause(0, 4, 0.5)], marks)


def test_percentiles_are_in_milliseconds() -> None:
    assert p50_p99(np.asarray([0.001] * 99 + [1.0])) == pytest.approx((1.0, 10.99), rel=1e-3)


def test_no_latencies_have_no_percentiles() -> None:
    with pytest.raises(ValueError, match="nothing was seen"):
        p50_p99(np.empty(0))


def test_a_line_that_is_not_whole_is_no_mark(tmp_path: Path) -> None:
    path = tmp_path / "marks"
    path.write_text("3 17 100.5\n4 1")

    assert list(marks_in(path)) == [Mark(3, 17, 100.5)]


def test_nothing_is_kept_up_with_where_the_lowest_rate_is_too_much() -> None:
    assert highest(lambda _: False, 1_000, 3) == 0


@given(limit=st.floats(1_000, 1e6))
def test_the_highest_rate_is_found_to_within_a_step(limit: float) -> None:
    found = highest(lambda rate: rate <= limit, 1_000, 4)

    assert found <= limit <= found * (1 + 1 / 16)


def test_no_rate_beyond_one_that_failed_is_tried() -> None:
    tried: list[float] = []

    def holds(rate: float) -> bool:
        tried.append(rate)
        return rate < 3_000

    highest(holds, 1_000, 2)

    assert tried == [1_000, 2_000, 4_000, 3_000, 2_500]
