"""Moving the start of a partition up, with what is to be kept written once more behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import InfrastructureError
from pipeline.kafka.client import aiokafka_options
from pipeline.kafka.outputs import Outputs
from pipeline.records import OutRecord, Target
from pipeline.settings import KafkaSettings

_AT_ONCE = 1_000
_WAIT_MS = 1_000


async def write_again(settings: KafkaSettings, target: Target, end: int) -> None:
    """Append the records of a partition before the offset `end` to it once more.

    They keep keys, values and headers, and so their origins; done twice, it has no more effect.
    Raises InfrastructureError.
    """
    outputs = Outputs(settings)
    try:
        async for records in _read(settings, target, end):
            await outputs.deliver({target: records})
    finally:
        await outputs.close()


async def append(settings: KafkaSettings, target: Target, record: OutRecord) -> None:
    """Append one record. Raises InfrastructureError."""
    outputs = Outputs(settings)
    try:
        await outputs.deliver({target: [record]})
    finally:
        await outputs.close()


async def _read(
    settings: KafkaSettings, target: Target, end: int
) -> AsyncIterator[list[OutRecord]]:
    tp = TopicPartition(target.topic, target.partition)
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
        while await consumer.position(tp) < end:
            found = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
            records = [one for one in found.get(tp, ()) if one.offset < end]
            yield [OutRecord(one.key, one.value, tuple(one.headers)) for one in records]
    except KafkaError as error:
        raise InfrastructureError(f"reading {target.topic} again: {error!r}") from error
    finally:
        await consumer.stop()
