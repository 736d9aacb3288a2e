from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.records.lines import LONGEST, Lines, record_of


def cut(pieces: list[bytes]) -> list[bytes]:
    lines = Lines()
    return [line for piece in pieces for line in lines.feed(piece)] + lines.end()


@given(st.binary(), st.lists(st.integers(0, 100)))
def test_the_lines_are_the_same_in_whatever_pieces_they_come(raw: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(raw), *(place for place in cuts if place < len(raw))})
    pieces = [raw[start:end] for start, end in pairwise(places)]
    assert cut(pieces) == [line for line in raw.split(b"\n") if line.strip()]


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert cut([b"a\nb"]) == [b"a", b"b"]


def test_blank_lines_are_left_out_and_counted() -> None:
    lines = Lines()
    assert lines.feed(b"a\n\n \r\nb\n") == [b"a", b"b"]
    assert (lines.number, lines.blank) == (4, 2)


@pytest.mark.parametrize("end", [b"", b"\n", b"\nafter\n"])
def test_lines_end_at_one_that_no_topic_takes(end: bytes) -> None:
    lines = Lines()
    assert lines.feed(b"a\n\n" + b"x" * (LONGEST + 1) + end) == [b"a"]
    assert lines.too_long == 3
    assert lines.feed(b"more\n") == []


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"user_id":"u1"}', b"u1"),
        ('{"user_id":"zoë"}'.encode(), "zoë".encode()),
        (b'{"user_id":17}', None),
        (b'{"user_id":null}', None),
        (b"{}", None),
        (b"[]", None),
        (b"[1]", None),
        (b'"user_id"', None),
        (b"17", None),
        (b"not json", None),
        (b"\xff", None),
    ],
)
def test_the_key_is_the_entity_where_one_can_be_read(line: bytes, key: bytes | None) -> None:
    assert record_of(line, "user_id") == (key, line)
