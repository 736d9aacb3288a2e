"""Makes aiokafka hand records over as `InRecord`, and unpack no more than is declared.

Its own record has eleven fields, six of which nobody here reads, in a frozen dataclass: making it
takes a sixth of the handler's time. It unpacks whatever is in a batch, and ends at one that it
cannot parse. It has no setting for any of this, so we replace its unpacker.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import default_records, legacy_records, memory_records

from pipeline.kafka.careful import Wire, has_long_record, records_of
from pipeline.kafka.decompression import NAMES, BeyondBound, Unreadable, unpacked
from pipeline.records import (
    BATCH_TOO_LARGE,
    BATCH_UNREADABLE,
    MOST_HEADERS,
    MOST_VALUE_BYTES,
    InRecord,
    whole_or_head,
)
from pipeline.settings import UNPACKED_BYTES

_LENGTH = struct.Struct(">i")
_LENGTH_AT, _AFTER_LENGTH = 8, 12
_NO_TIME = -1


@dataclass(slots=True)
class Unpacking:
    """How many bytes may come of one batch; and, with one batch more, of one poll.

    aiokafka takes all that a poll returns in one turn of the event loop.
    """

    most: int
    left: int
    is_spent: bool = False

    def of(self, codec: int, data: bytes | memoryview) -> bytes:
        """What is in `data`. Raises BeyondBound or Unreadable."""
        if not self.is_spent:
            self.is_spent = True
            asyncio.get_running_loop().call_soon(self._begin)
        try:
            content = unpacked(codec, bytes(data), self.most)
        except BeyondBound:
            self.left -= self.most
            raise
        self.left -= len(content)
        return content

    def _begin(self) -> None:
        self.left, self.is_spent = self.most, False


class _HasLongRecord(Exception):
    """A batch is not for aiokafka's parser; this is its content."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content


class _Batches:
    """The batches of a fetched partition as aiokafka has them, each with its bytes on the wire."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._start = self._end = 0
        self._batches = memory_records.MemoryRecords(data)
        self.has_next = self._batches.has_next
        self.size_in_bytes = self._batches.size_in_bytes

    def next_batch(self) -> Any:
        self._start = start = self._end
        (length,) = _LENGTH.unpack_from(self._data, start + _LENGTH_AT)
        self._end = start + _AFTER_LENGTH + length
        return self._batches.next_batch()

    @property
    def wire(self) -> memoryview:
        """The bytes of the batch that came last."""
        return memoryview(self._data)[self._start : self._end]


class _Unpacking(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka ships no types
    """The records of one fetched partition."""

    unpacking: Unpacking

    def __iter__(self) -> Iterator[InRecord]:
        """All at once go without a call of `__next__` for each."""
        return iter(self._records_iterator)

    def _unpack_records(self) -> Iterator[InRecord]:
        """The overridden method's.

        It ends where a poll may unpack no more; what is left then is fetched again.
        """
        batches = self._records
        while batches.has_next() and self.unpacking.left > 0:
            batch = batches.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if not self._is_passed_over(batch):
                yield from self._records_of(batch, batches.wire)
            self.next_fetch_offset = batch.next_offset  # its last record may be compacted away

    def _is_passed_over(self, batch: Any) -> bool:
        """Whether it is of an aborted transaction, or tells of the end of one."""
        producer = batch.producer_id
        if producer is not None and self._isolation_level == fetcher.READ_COMMITTED:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(producer)
            if batch.is_transactional and producer in self._aborted_producers:
                return True
        return bool(batch.is_control_batch)

    def _records_of(self, batch: Any, wire: memoryview) -> Iterator[InRecord]:
        """Its records from the next offset on; where aiokafka fails they are read with care."""
        (topic, partition), is_old = self._tp, batch.producer_id is None
        try:
            for record in batch:
                offset, value, headers = record.offset, record.value, record.headers
                if offset < self.next_fetch_offset:
                    continue
                self.next_fetch_offset = offset + 1
                if is_old or len(value or b"") > MOST_VALUE_BYTES or len(headers) > MOST_HEADERS:
                    yield _shortened(topic, partition, record)
                else:
                    yield InRecord(
                        topic,
                        partition,
                        offset,
                        record.timestamp,
                        record.key,
                        value,
                        tuple(headers),
                    )
        except Exception as error:  # noqa: BLE001 - its parser raises whatever it comes upon
            rest = self._with_care(wire, batch, error)
        else:
            return
        for read in rest:
            if read.offset >= self.next_fetch_offset:
                self.next_fetch_offset = read.offset + 1
                yield read

    def _with_care(self, data: memoryview, batch: Any, error: Exception) -> Iterator[InRecord]:
        """All its records, with stand-ins for what cannot be read."""
        wire = Wire(data, batch.next_offset)
        if isinstance(error, BeyondBound):
            return wire.without_content(self._tp, self.next_fetch_offset, BATCH_TOO_LARGE)
        content = error.content if isinstance(error, _HasLongRecord) else self._content(wire, error)
        if content is None:
            return wire.without_content(self._tp, self.next_fetch_offset, BATCH_UNREADABLE)
        return records_of(wire.frame(self._tp), content)

    def _content(self, wire: Wire, error: Exception) -> bytes | None:
        """What a batch holds at whose records aiokafka failed; None where that cannot be told."""
        if isinstance(error, Unreadable) or wire.is_old:
            return None
        if not wire.codec:
            return bytes(wire.records)
        try:
            return self.unpacking.of(wire.codec, wire.records)
        except Unreadable:
            return None


def _shortened(topic: str, partition: int, record: Any) -> InRecord:
    value, cut = whole_or_head(record.value)
    time = _NO_TIME if record.timestamp is None else record.timestamp
    headers = tuple(record.headers[:MOST_HEADERS])
    return InRecord(topic, partition, record.offset, time, record.key, value, headers, cut)


def unpack_into_ours(most: int = UNPACKED_BYTES) -> None:
    """Whatever this process reads by aiokafka from now on comes as `InRecord`.

    At most so many bytes come of a compressed batch; a larger one is not unpacked.
    """
    unpacking = _Unpacking.unpacking = Unpacking(most, most)
    fetcher.MemoryRecords = _Batches
    fetcher.PartitionRecords = _Unpacking
    for codec, name in NAMES.items():
        _replace(default_records.DefaultRecordBatch, name, partial(_content, unpacking, codec))
        _replace(legacy_records.LegacyRecordBatch, name, partial(unpacking.of, codec))


def _content(unpacking: Unpacking, codec: int, data: bytes) -> bytes:
    content = unpacking.of(codec, data)
    if has_long_record(content):
        raise _HasLongRecord(content)
    return content


def _replace(reader: type, codec: str, decode: Callable[[bytes], bytes]) -> None:
    """Change what the module of one of aiokafka's classes, compiled or not, decodes with."""
    setattr(sys.modules[reader.__module__], f"{codec}_decode", decode)
