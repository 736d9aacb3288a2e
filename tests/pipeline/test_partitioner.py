"""One entity, one partition: the rule of the Java client, checked against another client's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from pipeline.partitioner import partition_of
from tests.support.properties import MANY


@MANY
@given(st.binary(max_size=140), st.integers(1, 64))
def test_a_key_goes_where_kafka_python_sends_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


@pytest.mark.parametrize(
    ("key", "hashed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)],
)
def test_the_hash_is_the_one_in_kafkas_own_tests(key: bytes, hashed: int) -> None:
    assert partition_of(key, 2**31) == hashed & 0x7FFFFFFF
