from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.records.reading import last
from cli.records.showing import as_json, as_line, exact, printable
from pipeline.records import (
    Cut,
    InRecord,
)
from tests.support.events import changed

RECORD = InRecord("t", 3, 17, 1_700_000_000_123, b"u1", b'{"a":1}', (("origin", b"x/0/1/0"),))


@given(st.binary())
def test_nothing_that_is_shown_steers_the_terminal(raw: bytes) -> None:
    assert printable(raw).isprintable()
    assert exact(raw).isprintable()


@given(st.binary())
def test_every_byte_can_be_read_back_from_its_exact_form(raw: bytes) -> None:
    shown = exact(raw)
    quote = '"' if "'" in shown and '"' not in shown else "'"
    assert ast.literal_eval(f"b{quote}{shown}{quote}") == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [(None, "null"), (b"", ""), ("zoë".encode(), "zoë"), (b"\xff\x1b[31m", "\\xff\\x1b[31m")],
)
def test_text_stays_text_and_the_rest_is_escaped(raw: bytes | None, text: str) -> None:
    assert printable(raw) == text


def test_a_line_says_when_where_and_what() -> None:
    assert as_line(RECORD) == '2023-11-14T22:13:20.123000Z  3/17  u1  {"a":1}'


def test_a_json_line_holds_the_value_as_json() -> None:
    shown = json.loads(as_json(RECORD))
    assert shown["value"] == {"a": 1}
    assert (shown["partition"], shown["offset"], shown["key"]) == (3, 17, "u1")
    assert shown["headers"] == {"origin": "x/0/1/0"}


def test_a_value_that_is_no_json_stands_as_bytes() -> None:
    shown = json.loads(as_json(changed(RECORD, value=b"\xff")))
    assert shown["bytes"] == "\\xff"
    assert "value" not in shown


def test_a_null_record_is_null() -> None:
    assert json.loads(as_json(changed(RECORD, key=None, value=None)))["value"] is None


def test_the_last_records_begin_where_the_log_does_at_the_earliest() -> None:
    assert last({0: 5, 1: 0}, {0: 7, 1: 100}, 10) == {0: 5, 1: 90}


def test_a_time_that_is_none_is_shown_as_the_number_that_it_is() -> None:
    assert as_line(changed(RECORD, timestamp=-(2**62))).startswith(f"{-(2**62)} ms")


def test_what_came_without_its_content_says_why() -> None:
    cut = Cut("batch_too_large", 305_885, "ab" * 32, "gzip")
    record = changed(RECORD, value=None, cut=cut)
    why = f"batch_too_large: 305885 bytes of gzip, sha256 {'ab' * 32}"
    assert as_line(record).endswith(f"null  ({why})")
    assert json.loads(as_json(record))["cut"] == why
