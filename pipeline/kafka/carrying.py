"""Reading and writing a partition as a whole, in no group.

So the start of one is moved up, with what is to be kept written once more behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import InfrastructureError
from pipeline.kafka.client import aiokafka_options
from pipeline.kafka.outputs import Outputs
from pipeline.kafka.unpacking import unpack_into_ours
from pipeline.records import HEAD_BYTES, MOST_VALUE_BYTES, InRecord, OutRecord, Target
from pipeline.settings import KafkaSettings

_AT_ONCE = 1_000
_WAIT_MS = 1_000


async def write_again(settings: KafkaSettings, target: Target, end: int) -> None:
    """Append the records of a partition before the offset `end` to it once more.

    They keep keys, values and headers, and so their origins; done twice, it has no more effect.
    Of one that is too large, and so none of ours, the head is kept. Raises InfrastructureError.
    """
    outputs = Outputs(settings)
    try:
        async for records in _read(settings, target, end):
            await outputs.deliver({target: [_again(record) for record in records]})
    finally:
        await outputs.close()


async def append(settings: KafkaSettings, target: Target, record: OutRecord) -> None:
    """Append one record. Raises InfrastructureError."""
    outputs = Outputs(settings)
    try:
        await outputs.deliver({target: [record]})
    finally:
        await outputs.close()


def _again(record: InRecord) -> OutRecord:
    parts = (record.key, record.value, *(part for _, part in record.headers))
    if sum(len(part or b"") for part in parts) > MOST_VALUE_BYTES - HEAD_BYTES:
        return OutRecord(None, (record.value or b"")[:HEAD_BYTES])
    return OutRecord(record.key, record.value, record.headers)


async def read_all(settings: KafkaSettings, target: Target) -> list[InRecord]:
    """All records of a partition that is small. Raises InfrastructureError."""
    return [record async for records in _read(settings, target) for record in records]


async def _read(
    settings: KafkaSettings, target: Target, before: int | None = None
) -> AsyncIterator[list[InRecord]]:
    """The records of a partition before an offset, or before where it ends now."""
    tp = TopicPartition(target.topic, target.partition)
    unpack_into_ours(settings.unpacked_bytes)
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        **aiokafka_options(settings),
    )
    try:
        await consumer.start()
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp] if before is None else before
        while await consumer.position(tp) < end:
            found = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
            yield [record for record in found.get(tp, ()) if record.offset < end]
    except KafkaError as error:
        raise InfrastructureError(f"reading {target.topic}: {error!r}") from error
    finally:
        await consumer.stop()
