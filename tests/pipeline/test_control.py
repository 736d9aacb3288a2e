"""Control records say in the log what would change the fold's result."""

from __future__ import annotations

import orjson
import pytest

from pipeline.control import (
    Control,
    Erase,
    LookupLoaded,
    decode_control,
    decode_erasure,
    erase_record,
    is_control,
    lookup_record,
    passed_on_erasure,
)
from pipeline.errors import DataError
from pipeline.origin import HEADER, Origin
from pipeline.records import OutRecord


@pytest.mark.parametrize(
    ("record", "content"),
    [
        (lookup_record("index", "v1"), LookupLoaded("index", "v1")),
        (erase_record("u1"), Erase("u1")),
        (erase_record("é{3}:\n"), Erase("é{3}:\n")),
    ],
)
def test_a_control_record_is_known_and_read(record: OutRecord, content: Control) -> None:
    assert is_control(record.headers)
    assert decode_control(record.value) == content


def test_an_event_is_no_control_record() -> None:
    assert not is_control(((HEADER, b"id/0/0/0"), ("kind", b"other")))


def test_an_erase_record_goes_by_its_entity() -> None:
    assert erase_record("u1").key == b"u1"


def test_an_erasure_is_passed_on_with_its_cause() -> None:
    record = passed_on_erasure(Origin("id", 3, 7), Erase("u1"))
    assert (record.key, record.value) == (erase_record("u1").key, erase_record("u1").value)
    assert record.headers == (("kind", b"control"), (HEADER, b"id/3/7/0"))


def test_behind_the_features_only_an_erasure_is_read() -> None:
    assert decode_erasure(erase_record("u1").value) == Erase("u1")
    with pytest.raises(DataError, match="unknown_control"):
        decode_erasure(lookup_record("index", "v1").value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"not json",
        b"[]",
        b'"erase"',
        b"{}",
        orjson.dumps({"control": "other"}),
        orjson.dumps({"control": ["erase"]}),
        orjson.dumps({"control": "erase"}),
        orjson.dumps({"control": "erase", "entity": 7}),
        orjson.dumps({"control": "lookup", "lookup": "index"}),
        orjson.dumps({"control": "lookup", "lookup": ["index"], "version": "v1"}),
        orjson.dumps({"control": "lookup", "lookup": "index", "version": 1}),
    ],
)
def test_what_is_no_control_record_is_refused(value: bytes | None) -> None:
    with pytest.raises(DataError, match="unknown_control"):
        decode_control(value)
