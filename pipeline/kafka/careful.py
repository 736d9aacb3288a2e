"""Reads the records of a batch of format 2 one by one, with care for what strangers may write.

Several times slower than aiokafka's parser, which ends at a header's name that is no UTF-8, and
makes an object of each of a million headers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from pipeline.kafka.decompression import NAMES
from pipeline.records import (
    MOST_HEADERS,
    MOST_VALUE_BYTES,
    RECORD_UNREADABLE,
    Cut,
    InRecord,
    whole_or_head,
)

_FORMAT_2 = 2
_MAGIC_AT = 16
_OLD_ATTRIBUTES_AT, _ATTRIBUTES_AT = 17, 22  # before format 2, and in it
_TIMES_AT, _COUNT_AT, _RECORDS_AT = 27, 57, 61
_CODEC, _APPEND_TIME = 7, 8
_NUMBER, _TIMES, _COUNT = struct.Struct(">q"), struct.Struct(">qq"), struct.Struct(">i")
_NO_TIME = -1
_MORE = 0x80
_VARINT_BITS = 63


class Frame(NamedTuple):
    """What a batch says of its `records`, so many: the first offset, and the one after the last.

    `base_time` is what their own times are added to; None where all have the time `newest`.
    """

    topic: str
    partition: int
    base_offset: int
    end: int
    base_time: int | None
    newest: int
    records: int


class Wire:
    """A batch as it is on the wire, before which no bytes are; `end` is the offset after it."""

    def __init__(self, data: memoryview, end: int) -> None:
        self._data = data
        self._end = end
        self.is_old = data[_MAGIC_AT] < _FORMAT_2

    @property
    def codec(self) -> int:
        """The number of what it is compressed with, 0 for nothing."""
        return self._data[_OLD_ATTRIBUTES_AT if self.is_old else _ATTRIBUTES_AT] & _CODEC

    @property
    def records(self) -> memoryview:
        """Its records, as they are compressed; of format 2 only."""
        return self._data[_RECORDS_AT:]

    def frame(self, place: tuple[str, int]) -> Frame:
        """What it says of its records; of format 2 only."""
        (base_offset,) = _NUMBER.unpack_from(self._data, 0)
        (oldest, newest) = _TIMES.unpack_from(self._data, _TIMES_AT)
        base_time = None if self._data[_ATTRIBUTES_AT] & _APPEND_TIME else oldest
        (count,) = _COUNT.unpack_from(self._data, _COUNT_AT)
        return Frame(*place, base_offset, self._end, base_time, newest, count)

    def without_content(
        self, place: tuple[str, int], start: int, reason: str
    ) -> Iterator[InRecord]:
        """A record for each offset from `start` on: of none is known more than of the batch."""
        digest, codec = sha256(self._data).hexdigest(), NAMES.get(self.codec, "")
        cut = Cut(reason, len(self._data), digest, codec)
        first, time = start, _NO_TIME
        if not self.is_old:
            frame = self.frame(place)
            first, time = max(start, frame.base_offset), frame.newest
        for offset in range(first, self._end):
            yield InRecord(*place, offset, time, None, None, (), cut)


def has_long_record(content: bytes) -> bool:
    """Whether any record, with all its headers, is longer than a value that is read whole."""
    at, end = 0, len(content)
    if end <= MOST_VALUE_BYTES:
        return False
    while at < end:
        if (first := content[at]) < _MORE:  # of millions of records each is short
            length, at = first >> 1, at + 1
        else:
            length, at = _varint(content, at)
        if length > MOST_VALUE_BYTES:
            return True
        at += length
    return False


def records_of(frame: Frame, content: bytes) -> Iterator[InRecord]:
    """Every record of the batch; one that cannot be read comes without content.

    Once it cannot be told where the next one begins, all that are left come so.
    """
    whole, at, offset = memoryview(content), 0, frame.base_offset
    for _ in range(frame.records):
        body, at = _framed(whole, at)
        if body is None:
            left = _cut(whole[at:])
            yield from (_without_content(frame, rest, left) for rest in range(offset, frame.end))
            return
        record = _record(frame, offset, body)
        offset = record.offset + 1
        yield record


def _framed(content: memoryview, at: int) -> tuple[memoryview | None, int]:
    """The record that begins there, and where the next one does; None where there is none."""
    try:
        return _bytes(content, at)
    except (ValueError, IndexError):
        return None, at


def _record(frame: Frame, offset: int, body: memoryview) -> InRecord:
    try:
        return _parsed(frame, body)
    except (ValueError, IndexError):
        return _without_content(frame, offset, _cut(body))


def _cut(stored: memoryview) -> Cut:
    return Cut(RECORD_UNREADABLE, len(stored), sha256(stored).hexdigest())


def _without_content(frame: Frame, offset: int, cut: Cut) -> InRecord:
    return InRecord(frame.topic, frame.partition, offset, frame.newest, None, None, cut=cut)


def _parsed(frame: Frame, body: memoryview) -> InRecord:
    _, at = _varint(body, 0)  # attributes, none of which is in use
    time, at = _varint(body, at)
    offset, at = _varint(body, at)
    key, at = _bytes(body, at)
    value, at = _bytes(body, at)
    count, at = _varint(body, at)
    headers = list[tuple[str, bytes | None]]()
    for _ in range(min(count, MOST_HEADERS)):
        name, at = _bytes(body, at)
        content, at = _bytes(body, at)
        headers.append((_text(name), None if content is None else bytes(content)))
    head, cut = whole_or_head(value)
    return InRecord(
        frame.topic,
        frame.partition,
        frame.base_offset + offset,
        frame.newest if frame.base_time is None else frame.base_time + time,
        None if key is None else bytes(key),
        head,
        tuple(headers),
        cut,
    )


def _text(name: memoryview | None) -> str:
    if name is None:
        raise ValueError("a header has no name")
    return bytes(name).decode(errors="replace")


def _bytes(body: memoryview, at: int) -> tuple[memoryview | None, int]:
    length, at = _varint(body, at)
    if length < 0:
        return None, at
    if at + length > len(body):
        raise ValueError("a field is cut off")
    return body[at : at + length], at + length


def _varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends. Raises ValueError or IndexError."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > _VARINT_BITS:
            raise ValueError("a number is too long")
