"""Reads what stands in an output topic, in no group: see `pipeline.first_records`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import InfrastructureError
from pipeline.kafka.client import aiokafka_options
from pipeline.kafka.unpacking import unpack_into_ours
from pipeline.logs import log
from pipeline.records import InRecord
from pipeline.settings import KafkaSettings

_AT_ONCE = 1_000
_WAIT_MS = 5_000
_STOP_SECONDS = 1.0


class OutputReader:
    """A consumer for each partition of the topic that is being read, for as long as it is."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._consumers: dict[int, AIOKafkaConsumer] = {}
        self._next: dict[int, int] = {}

    async def end(self, partition: int) -> int:
        """The next offset to be written. Raises InfrastructureError."""
        tp = TopicPartition(self._topic, partition)
        with self._translated():
            consumer = await self._consumer(tp)
            ends = await consumer.end_offsets([tp])
            return int(ends[tp])

    async def read(self, partition: int, offset: int, end: int) -> tuple[Sequence[InRecord], int]:
        """Some records from an offset on and before `end`, and where to read next.

        Raises InfrastructureError, also where none come for a while.
        """
        tp = TopicPartition(self._topic, partition)
        with self._translated():
            consumer = await self._consumer(tp)
            start = offset
            if self._next.get(partition) != offset:
                start = max(offset, (await consumer.beginning_offsets([tp]))[tp])
                consumer.seek(tp, start)
            if start >= end:
                return (), end
            found = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
            self._next[partition] = after = await consumer.position(tp)
        if after == start:
            raise InfrastructureError(f"{self._topic}: nothing comes from offset {start} on")
        return [record for record in found.get(tp, ()) if record.offset < end], min(after, end)

    async def release(self, partition: int) -> None:
        """Let go of the partition's consumer, within a second."""
        self._next.pop(partition, None)
        consumer = self._consumers.pop(partition, None)
        if consumer is not None:
            await _stop(consumer)

    async def close(self) -> None:
        """Let go of all consumers."""
        for partition in list(self._consumers):
            await self.release(partition)

    async def _consumer(self, tp: TopicPartition) -> AIOKafkaConsumer:
        known = self._consumers.get(tp.partition)
        if known is not None:
            return known
        unpack_into_ours()
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            **aiokafka_options(self._settings),
        )
        try:
            await consumer.start()
        except BaseException:
            await _stop(consumer)
            raise
        consumer.assign([tp])
        self._consumers[tp.partition] = consumer
        return consumer

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise InfrastructureError(f"reading {self._topic}: {error!r}") from error


async def _stop(consumer: AIOKafkaConsumer) -> None:
    try:
        await asyncio.wait_for(consumer.stop(), _STOP_SECONDS)
    except (KafkaError, TimeoutError) as error:
        log.warning("consumer closed with an error", error=repr(error))
