"""What a consumer fetches is unpacked up to a bound, whatever a stranger has packed into it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import cramjam
import pytest
import zstandard
from aiokafka import codec as aiokafka_codec
from aiokafka.consumer import fetcher
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kafka.careful import Wire, records_of
from pipeline.kafka.unpacking import unpack_into_ours
from pipeline.records import (
    BATCH_TOO_LARGE,
    BATCH_UNREADABLE,
    HEAD_BYTES,
    MOST_HEADERS,
    MOST_VALUE_BYTES,
    RECORD_UNREADABLE,
    Cut,
    InRecord,
    OutRecord,
)
from tests.support.batches import (
    CODECS,
    TIME,
    TP,
    batch,
    fetched,
    marker,
    old_batch,
    packed,
    reading,
    sealed,
    unpacked,
)
from tests.support.properties import PROPERTY

MB = 1024 * 1024
BOUND = 8 * MB
COMPRESSED = [codec for codec in CODECS if codec != "none"]
GOOD = OutRecord(b"key", b"good", (("name", b"value"),))


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    unpack_into_ours(BOUND)
    yield
    unpack_into_ours()


def values(records: list[InRecord]) -> list[bytes | None]:
    return [record.value for record in records]


def cut_for(reason: str, wire: bytes, codec: str) -> Cut:
    return Cut(reason, len(wire), sha256(wire).hexdigest(), "" if codec == "none" else codec)


@pytest.mark.parametrize("codec", CODECS)
async def test_a_record_comes_as_it_was_written(codec: str) -> None:
    bare = OutRecord(None, None, (("none", None),))
    found = await unpacked(batch([GOOD, bare], codec, base=7), start=7)
    assert found == [
        InRecord(TP.topic, TP.partition, 7, TIME, b"key", b"good", (("name", b"value"),)),
        InRecord(TP.topic, TP.partition, 8, TIME + 1, None, None, (("none", None),)),
    ]


@pytest.mark.parametrize("codec", CODECS)
async def test_a_large_value_comes_as_its_head_and_all_around_it_whole(codec: str) -> None:
    large = b"x" * (MOST_VALUE_BYTES + 1)
    log = [GOOD, OutRecord(b"a", large), GOOD, OutRecord(b"b", large), GOOD]
    found = await unpacked(batch(log, codec))
    head, cut = large[:HEAD_BYTES], Cut("too_large", len(large), sha256(large).hexdigest())
    assert values(found) == [b"good", head, b"good", head, b"good"]
    assert [record.cut for record in found] == [None, cut, None, cut, None]
    assert [record.key for record in found] == [b"key", b"a", b"key", b"b", b"key"]
    assert [record.offset for record in found] == [0, 1, 2, 3, 4]
    assert {record.timestamp for record in found} == {TIME + number for number in range(5)}


async def test_a_value_of_the_greatest_size_is_whole() -> None:
    largest = b"x" * MOST_VALUE_BYTES
    (found,) = await unpacked(batch([OutRecord(None, largest)], "zstd"))
    assert (found.value, found.cut) == (largest, None)


@pytest.mark.parametrize("codec", COMPRESSED)
async def test_a_batch_beyond_the_bound_is_a_record_without_content_for_each_offset(
    codec: str,
) -> None:
    before, behind = batch([GOOD], codec), batch([GOOD], codec, base=4)
    bomb = batch([GOOD, OutRecord(None, bytes(BOUND)), GOOD], codec, base=1)
    found = await unpacked(before, bomb, behind)
    assert [record.offset for record in found] == [0, 1, 2, 3, 4]
    assert values(found) == [b"good", None, None, None, b"good"]
    cut = cut_for(BATCH_TOO_LARGE, bomb, codec)
    assert [record.cut for record in found] == [None, cut, cut, cut, None]


@pytest.mark.parametrize("codec", COMPRESSED)
async def test_a_batch_that_just_keeps_to_the_bound_is_unpacked(codec: str) -> None:
    frame = len(batch([OutRecord(None, bytes(BOUND - 100))])) - (BOUND - 100) - 61
    (found,) = await unpacked(batch([OutRecord(None, bytes(BOUND - frame))], codec))
    assert found.cut is not None
    assert (found.cut.reason, found.cut.length) == ("too_large", BOUND - frame)


async def test_raw_snappy_is_bounded_too() -> None:
    content = batch([OutRecord(None, b"good")])[61:]
    raw = packed(bytes(cramjam.snappy.compress_raw(content)), "snappy", count=1)
    assert values(await unpacked(raw)) == [b"good"]
    large = bytes(cramjam.snappy.compress_raw(bytes(BOUND + 1)))
    (found,) = await unpacked(packed(large, "snappy", count=1))
    assert found.cut is not None
    assert found.cut.reason == BATCH_TOO_LARGE


@pytest.mark.parametrize(
    ("magic", "codec"), [(0, "gzip"), (0, "snappy"), (1, "gzip"), (1, "snappy"), (1, "lz4")]
)
async def test_old_formats_are_read_and_bounded(magic: int, codec: str) -> None:
    large = b"x" * (MOST_VALUE_BYTES + 1)
    good = old_batch([b"a", large, None], codec, magic)
    bomb = old_batch([b"b", bytes(BOUND), b"c"], codec, magic, base=3)
    found = await unpacked(good, bomb, old_batch([b"d"], codec, magic, base=6))
    assert [record.offset for record in found] == [0, 1, 2, 3, 4, 5, 6]
    assert values(found) == [b"a", large[:HEAD_BYTES], None, None, None, None, b"d"]
    cut = cut_for(BATCH_TOO_LARGE, bomb, codec)
    assert [record.cut for record in found[3:]] == [cut, cut, cut, None]
    assert {record.timestamp for record in found} <= {TIME, -1}


@pytest.mark.parametrize("codec", COMPRESSED)
@pytest.mark.parametrize("torn", [b"", b"\xff" * 40, bytes(40)])
async def test_what_is_not_of_its_codec_is_a_record_without_content(
    codec: str, torn: bytes
) -> None:
    bad = packed(torn, codec, count=2, base=1)
    found = await unpacked(batch([GOOD], codec), bad, batch([GOOD], codec, base=3))
    assert values(found) == [b"good", None, None, b"good"]
    assert {record.cut.reason for record in found if record.cut} <= {
        BATCH_UNREADABLE,
        RECORD_UNREADABLE,
    }


async def test_an_unknown_codec_is_no_end() -> None:
    frame = bytearray(batch([GOOD]))
    frame[22] = 6
    assert [record.cut for record in await unpacked(sealed(frame))] == [
        cut_for(BATCH_UNREADABLE, sealed(frame), "none")
    ]


@pytest.mark.parametrize("codec", CODECS)
async def test_a_headers_name_that_is_no_text_is_no_end(codec: str) -> None:
    odd = batch([GOOD, OutRecord(b"k", b"odd", (("name", b"x"),)), GOOD])[61:]
    odd = odd.replace(b"\x08name\x02x", b"\x08\xff\xfe\xfd\xfc\x02x")
    content = bytes(getattr(aiokafka_codec, f"{codec}_encode")(odd)) if codec != "none" else odd
    found = await unpacked(packed(content, codec, count=3))
    assert values(found) == [b"good", b"odd", b"good"]
    assert found[1].headers == (("\ufffd" * 4, b"x"),)


async def test_of_a_million_headers_the_first_are_read() -> None:
    many = OutRecord(b"k", b"v", (("", None),) * 1_000_000)
    found = await unpacked(batch([GOOD, many, GOOD], "zstd"))
    assert values(found) == [b"good", b"v", b"good"]
    assert len(found[1].headers) == MOST_HEADERS


async def test_a_record_that_is_cut_off_stands_for_itself_alone() -> None:
    whole = batch([GOOD, OutRecord(None, b"torn"), GOOD])[61:]
    torn = whole.replace(b"\x08torn", b"\x7etorn")
    found = await unpacked(packed(torn, "none", count=3))
    assert values(found) == [b"good", None, b"good"]
    assert [record.cut and record.cut.reason for record in found] == [None, RECORD_UNREADABLE, None]


@pytest.mark.parametrize("codec", COMPRESSED)
async def test_a_poll_unpacks_no_more_than_the_bound_and_a_batch(codec: str) -> None:
    """What is left is fetched again from where the records ended."""
    bombs = [batch([OutRecord(None, bytes(BOUND // 2))], codec, base=n) for n in range(6)]
    poll = reading(*bombs)
    assert len(list(poll)) == 2
    assert poll.next_fetch_offset == 2  # type: ignore[attr-defined] # aiokafka's


async def test_a_fetch_is_not_taken_for_empty_where_nothing_may_be_unpacked() -> None:
    """aiokafka would pass over its first record."""
    assert list(reading(batch([OutRecord(None, bytes(BOUND))], "zstd")))
    assert fetched(batch([GOOD])).has_next()
    assert list(reading(batch([GOOD]))) == []


@pytest.mark.parametrize(
    "member", [zlib.compress(b"", wbits=31), b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00"]
)
async def test_a_megabyte_of_empty_members_takes_no_time(member: bytes) -> None:
    codec = "gzip" if member[0] == 0x1F else "zstd"
    (found,) = await unpacked(packed(member * (MB // len(member)), codec, count=1))
    assert found.value is None


async def test_thirty_gigabytes_in_a_megabyte_are_not_unpacked() -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    content = b"".join(compressor.compress(bytes(16 * MB)) for _ in range(64))
    (found,) = await unpacked(packed(content + compressor.flush(), "zstd", count=1))
    assert found.cut is not None
    assert found.cut.reason == BATCH_TOO_LARGE


headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=4)
records = st.builds(
    OutRecord,
    st.none() | st.binary(max_size=200),
    st.none() | st.binary(max_size=200),
    headers.map(tuple),
)


logs = st.lists(records, min_size=1, max_size=5) | st.booleans()
"""A batch, or the end of a transaction: whether it was committed."""


@settings(PROPERTY, max_examples=60)
@given(st.lists(logs, min_size=1, max_size=6), st.data())
async def test_all_is_read_as_aiokafka_reads_it(log: list[Any], data: Any) -> None:
    wires, base = [], 0
    for one in log:
        producer = data.draw(st.integers(-1, 1))
        if isinstance(one, bool):
            wires.append(marker(abs(producer), base, committed=one))
        else:
            wires.append(batch(one, data.draw(st.sampled_from([*CODECS])), base, producer))
        base += 1 if isinstance(one, bool) else len(one)
    start, offsets = data.draw(st.integers(0, base)), st.integers(0, base)
    aborted = data.draw(st.lists(st.tuples(st.integers(0, 1), offsets), max_size=3))
    rest = (start, None, None, True, fetcher.READ_COMMITTED)
    ours, theirs = (
        kind(TP, fetched(*wires), aborted, *rest) for kind in fetcher.PartitionRecords.__mro__[:2]
    )
    assert _told(ours) == _told(theirs)
    assert ours.next_fetch_offset == theirs.next_fetch_offset


def _told(found: Any) -> list[tuple[Any, ...]]:
    return [(one.offset, one.timestamp, one.key, one.value, one.headers) for one in found]


@PROPERTY
@given(st.lists(records, min_size=1), st.integers(0, 2**62))
async def test_records_are_read_the_same_with_care(log: list[OutRecord], base: int) -> None:
    wire = batch(log, base=base)
    frame = Wire(memoryview(wire), base + len(log)).frame(TP)
    assert list(records_of(frame, wire[61:])) == await unpacked(wire)


@PROPERTY
@given(st.binary(max_size=400), st.sampled_from([*CODECS]), st.integers(1, 5))
async def test_any_bytes_at_all_end_nothing(content: bytes, codec: str, count: int) -> None:
    found = await unpacked(packed(content, codec, count), batch([GOOD], base=count))
    assert values(found[-1:]) == [b"good"]


@PROPERTY
@given(st.lists(records, min_size=1, max_size=4), st.data())
async def test_any_damage_to_a_record_ends_nothing(log: list[OutRecord], data: Any) -> None:
    frame = bytearray(batch(log))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(61, len(frame) - 1))] = data.draw(st.integers(0, 255))
    found = await unpacked(sealed(frame), batch([GOOD], base=len(log)))
    assert values(found[-1:]) == [b"good"]
