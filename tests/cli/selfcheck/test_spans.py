from __future__ import annotations

import numpy as np
import pytest

from cli.selfcheck.spans import Span, each_once


@pytest.mark.parametrize(
    ("offsets", "problems"),
    [
        ([0, 1, 2], []),
        ([2, 0, 1], []),
        ([0, 2], ["t/0/1 is missing"]),
        ([1, 2], ["t/0/0 is missing"]),
        ([0, 1], ["t/0/2 is missing"]),
        ([0, 1, 1, 2], ["t/0/1 is there more than once"]),
        ([0, 1, 2, 3], ["t/0/3 is beyond the end"]),
        ([], ["t/0/0 is missing", "t/0/1 is missing", "t/0/2 is missing"]),
        ([0, 1, 2, 2**62], [f"t/0/{2**62} is beyond the end"]),
    ],
)
def test_every_offset_must_be_there_once(offsets: list[int], problems: list[str]) -> None:
    assert each_once("t/0", np.array(offsets, np.int64), Span(0, 3)) == problems


def test_what_the_topic_has_deleted_may_be_there() -> None:
    assert each_once("t/0", np.array([1, 2, 3]), Span(3, 4)) == []


def test_what_the_topic_has_deleted_may_not_have_a_hole() -> None:
    assert each_once("t/0", np.array([1, 3]), Span(3, 4)) == ["t/0/2 is missing"]


def test_an_empty_partition_is_whole() -> None:
    assert each_once("t/0", np.array([], np.int64), Span(7, 7)) == []
