"""Whatever a record was, what is written of it on `rejected-events` fits and tells what it was."""

from __future__ import annotations

from hashlib import sha256

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DataError
from pipeline.origin import Origin
from pipeline.records import HEAD_BYTES, MOST_VALUE_BYTES, Cut, InRecord, OutRecord
from pipeline.rejection import refuse_cut, rejection
from pipeline.topics import REJECTED_MAX_BYTES
from tests.support.events import NOON, SOURCE_ID
from tests.support.properties import FEW

BAD = DataError("missing_field", "amount")
ORIGIN = Origin(SOURCE_ID, 3, 2**47)


def rejected(
    key: bytes | None, value: bytes | None, error: DataError = BAD, cut: Cut | None = None
) -> OutRecord:
    record = InRecord("source", 3, 2**47, NOON // 1000, key, value, (("many", b"x"),) * 64, cut)
    return rejection(record, "event_handler", ORIGIN, error)


def stored(record: OutRecord) -> int:
    """What the broker compares with the topic's limit, at most."""
    size: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(
        record.key, record.value, list(record.headers)
    )
    return size


def headers_of(record: OutRecord) -> dict[str, bytes | None]:
    return dict(record.headers)


@pytest.mark.parametrize("key", [None, b"", b"k", b"k" * 1000])
def test_a_value_of_the_greatest_size_is_kept_whole(key: bytes | None) -> None:
    value = b"v" * MOST_VALUE_BYTES
    record = rejected(key, value)
    assert (record.key, record.value) == (key, value)
    assert "length" not in headers_of(record)


def test_a_key_of_900_kb_is_kept_and_its_value_too_where_both_fit() -> None:
    key, value = b"k" * 900_000, b"v" * 100_000
    record = rejected(key, value)
    assert (record.key, record.value) == (key, value)


def test_a_value_that_does_not_fit_beside_its_key_is_cut() -> None:
    key, value = b"k" * 900_000, b"v" * 300_000
    record, headers = rejected(key, value), headers_of(rejected(key, value))
    assert (record.key, record.value) == (key, value[:HEAD_BYTES])
    assert headers["length"] == b"300000"
    assert headers["sha256"] == sha256(value).hexdigest().encode()


def test_a_key_that_does_not_fit_is_cut_too() -> None:
    key, value = b"k" * 2_000_000, b"v"
    record, headers = rejected(key, value), headers_of(rejected(key, value))
    assert (record.key, record.value) == (key[:HEAD_BYTES], value)
    assert headers["key-length"] == b"2000000"
    assert headers["key-sha256"] == sha256(key).hexdigest().encode()
    assert "length" not in headers


def test_a_record_that_came_without_content_tells_what_it_was() -> None:
    cut = Cut("batch_too_large", 305_885, "ab" * 32, "gzip")
    record = InRecord("source", 3, 7, NOON // 1000, None, None, (), cut)
    with pytest.raises(DataError) as error:
        refuse_cut(record)
    assert error.value.reason == "batch_too_large"
    assert error.value.detail == f"305885 bytes of gzip, sha256 {'ab' * 32}"
    headers = headers_of(rejected(None, None, error.value, cut))
    assert (headers["length"], headers["codec"]) == (b"305885", b"gzip")
    assert headers["sha256"] == b"ab" * 32


def test_a_record_with_its_content_is_refused_by_nothing_here() -> None:
    refuse_cut(InRecord("source", 3, 7, 0, None, None))


sizes = st.none() | st.sampled_from(
    [0, 1, HEAD_BYTES, HEAD_BYTES + 1, MOST_VALUE_BYTES, MOST_VALUE_BYTES + 1, 3_000_000]
)
details = st.text(max_size=20) | st.just("é" * 100_000)


@FEW
@given(sizes, sizes, details)
def test_any_rejection_fits(key: int | None, value: int | None, detail: str) -> None:
    made = rejected(
        None if key is None else bytes(key),
        None if value is None else bytes(value),
        DataError("too_deep", detail),
    )
    assert stored(made) <= REJECTED_MAX_BYTES
