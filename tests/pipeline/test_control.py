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
from tests.support.events import V1


@pytest.mark.parametrize(
    ("record", "content"),
    [
        (lookup_record("index", V1), LookupLoaded("index", V1)),
        (erase_record("u1"), Erase("u1")),
        (erase_record("é{3}:"), Erase("é{3}:")),
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
        decode_erasure(lookup_record("index", V1).value)


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
        orjson.dumps({"control": "lookup", "lookup": ["index"], "version": V1}),
        orjson.dumps({"control": "lookup", "lookup": "index", "version": 1}),
    ],
)
def test_what_is_no_control_record_is_refused(value: bytes | None) -> None:
    with pytest.raises(DataError, match="unknown_control"):
        decode_control(value)


@pytest.mark.parametrize(
    "version",
    ["v1", "", "../../../evil", "1" * 15, "1" * 17, "F" * 16, "1" * 8 + "\0" * 8, "1" * 16 + "\n"],
)
def test_a_version_that_is_no_hash_is_refused(version: str) -> None:
    with pytest.raises(DataError, match="bad_version"):
        decode_control(lookup_record("index", version).value)


@pytest.mark.parametrize("entity", ["", "a\0b", "u" * 129])
def test_nobody_is_erased_who_cannot_be(entity: str) -> None:
    with pytest.raises(DataError, match="entity"):
        decode_control(erase_record(entity).value)
