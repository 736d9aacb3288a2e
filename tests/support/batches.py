"""Batches of records as they are on the wire, in every format and codec, and what reads them."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lz4.frame
import zstandard
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record import memory_records
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from pipeline.records import InRecord, OutRecord

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
TP = TopicPartition("source", 3)
TIME = 1_750_000_000_000
_MOST = 2**31 - 1
_OFFSET = struct.Struct(">q")
_CRC_AT, _ATTRIBUTES_AT = 17, 21
_RECORDS_AT = 61
_CONTROL = 0x20
_CHECKED = True
_PIECE = 4 * 1024 * 1024


def batch(
    records: Sequence[OutRecord], codec: str = "none", base: int = 0, transaction_of: int = -1
) -> bytes:
    """Of format 2, whose first offset is `base`; in a transaction of that producer, if any."""
    transactional = int(transaction_of >= 0)
    builder = DefaultRecordBatchBuilder(
        2, CODECS[codec], transactional, transaction_of, 0, 0, _MOST
    )
    for number, record in enumerate(records):
        builder.append(number, TIME + number, record.key, record.value, list(record.headers))
    return _OFFSET.pack(base) + bytes(builder.build())[_OFFSET.size :]


def packed(content: bytes, codec: str, count: int, base: int = 0) -> bytes:
    """A batch of format 2 that says to hold `count` records, with any content."""
    frame = bytearray(batch([OutRecord(None, None)] * count)[:_RECORDS_AT] + content)
    frame[_ATTRIBUTES_AT : _ATTRIBUTES_AT + 2] = struct.pack(">h", CODECS[codec])
    return sealed(frame, base)


def sealed(frame: bytearray, base: int = 0) -> bytes:
    """A batch of format 2 whose length and checksum agree with its bytes."""
    frame[:12] = struct.pack(">qi", base, len(frame) - 12)
    checksum = calc_crc32c(bytes(frame[_ATTRIBUTES_AT:]))
    frame[_CRC_AT:_ATTRIBUTES_AT] = struct.pack(">I", checksum)
    return bytes(frame)


def marker(producer: int, base: int, *, committed: bool) -> bytes:
    """What a broker writes where a transaction of that producer ends."""
    kind = OutRecord(struct.pack(">HH", 0, committed), b"")
    frame = bytearray(batch([kind], transaction_of=producer))
    frame[_ATTRIBUTES_AT + 1] |= _CONTROL
    return sealed(frame, base)


def old_batch(values: Sequence[bytes | None], codec: str, magic: int, base: int = 0) -> bytes:
    """Of format 0 or 1, as a broker keeps it: known by its last offset."""
    builder = LegacyRecordBatchBuilder(magic, CODECS[codec], _MOST)
    for number, value in enumerate(values):
        builder.append(number if magic else base + number, TIME if magic else None, b"k", value)
    return _OFFSET.pack(base + len(values) - 1) + bytes(builder.build())[_OFFSET.size :]


def fetched(*batches: bytes) -> Any:
    """What aiokafka's fetcher makes of a fetched partition's bytes, before its records are read."""
    return fetcher.MemoryRecords(b"".join(batches))


async def unpacked(*batches: bytes, start: int = 0) -> list[InRecord]:
    """Their records from an offset on, as the patched consumer hands them over, poll after poll."""
    left, found = [*batches], list[InRecord]()
    while left:
        poll = reading(*left, start=start)
        found += poll
        start = poll.next_fetch_offset  # type: ignore[attr-defined] # aiokafka's
        left = [one for one in left if _end(one) > start]
        await asyncio.sleep(0)
    return found


def _end(wire: bytes) -> int:
    """The offset after a batch."""
    return int(memory_records.MemoryRecords(wire).next_batch().next_offset)


def reading(*batches: bytes, start: int = 0) -> Iterator[InRecord]:
    """The same as an iterator that also tells its `next_fetch_offset`."""
    found: Iterator[InRecord] = fetcher.PartitionRecords(
        TP, fetched(*batches), None, start, None, None, _CHECKED, fetcher.READ_COMMITTED
    )
    return found


def bomb(codec: str, size: int, base: int = 0) -> bytes:
    """A batch of three records, the one in the middle with a value of `size` zeros; never whole."""
    value, rest = b"\x00\x00\x02\x01" + _varint(size), b"\x00"
    first, last = (batch([OutRecord(b"k", b"good")])[_RECORDS_AT:] for _ in range(2))
    last = last[:3] + b"\x04" + last[4:]  # the offset in the batch
    packer = _PACKERS[codec]()
    zeros = bytes(_PIECE)
    pieces = [packer.compress(first + _varint(len(value) + size + len(rest)) + value)]
    pieces += [packer.compress(zeros) for _ in range(size // _PIECE)]
    pieces += [packer.compress(zeros[: size % _PIECE] + rest + last), packer.flush()]
    return packed(b"".join(pieces), codec, 3, base)


class _Lz4:
    """As the others compress."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor(block_linked=False)
        self._begun = self._frame.begin()

    def compress(self, data: bytes) -> bytes:
        begun, self._begun = self._begun, b""
        return bytes(begun + self._frame.compress(data))

    def flush(self) -> bytes:
        return bytes(self._frame.flush())


_PACKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.compressobj(9, zlib.DEFLATED, 31),
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
}


def _varint(number: int) -> bytes:
    data, number = bytearray(), number << 1
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*data, number))


async def send(kafka: str, topic: str, partition: int, *wires: bytes) -> None:
    """Append batches as they are."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, request_timeout_ms=120_000)
    await producer.start()
    try:
        for wire in wires:
            builder = producer.create_batch()
            builder.append(timestamp=None, key=None, value=b"")
            builder.close()
            builder._buffer = wire
            await (await producer.send_batch(builder, topic, partition=partition))
    finally:
        await producer.stop()
