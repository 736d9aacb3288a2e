"""Writing: per output partition one batch in flight, in the order given, acknowledged by all.

A failure stops everything that is not in flight yet and drops the producer, which never heals; the
caller then delivers the same input again from its first origin, with a producer made afresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from pipeline.errors import Fatal, InfrastructureError, most_serious
from pipeline.kafka.client import aiokafka_options
from pipeline.kafka.connection import break_as_on_asyncio
from pipeline.kafka.topic_ids import describe
from pipeline.logs import log
from pipeline.origin import HEADER, header_in
from pipeline.records import Acknowledged, Deliveries, OutRecord, Target, Written
from pipeline.settings import KafkaSettings

_BATCH_BYTES = 256 * 1024
_REQUEST_SECONDS = 10
_CLOSE_SECONDS = 5.0
_PERMANENT = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)


class Outputs:
    """An idempotent producer that keeps the promises above; `start` and `close` it.

    Deliveries may run side by side as long as they share no output partition.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._line: _Line | None = None
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises InfrastructureError when Kafka cannot be reached."""
        await self._open_line()

    async def close(self) -> None:
        """Let go of the producer, within seconds even when the broker is down."""
        line, self._line = self._line, None
        if line is not None:
            await line.drop()

    async def deliver(self, deliveries: Deliveries) -> None:
        """As `write`, for whom it makes no difference where the records stand."""
        await self.write(deliveries)

    async def write(self, deliveries: Deliveries) -> Acknowledged:
        """Write everything; returns when all of it is acknowledged.

        Raises InfrastructureError when the same deliveries should be tried again, and Fatal when
        the broker refuses a record for good. May block while Kafka is away.
        """
        if not deliveries:
            return {}
        line = await self._open_line()
        results = await asyncio.gather(
            *(line.write(*item) for item in deliveries.items()), return_exceptions=True
        )
        failures = [result for result in results if isinstance(result, BaseException)]
        written = [result for result in results if not isinstance(result, BaseException)]
        if failures:
            if self._line is line:
                self._line = None
            await line.drop()
            raise most_serious(failures)
        return dict(zip(deliveries, written, strict=True))

    async def topic_id(self, topic: str) -> str:
        """The id that a topic has now. Raises InfrastructureError."""
        line = await self._open_line()
        return await line.topic_id(topic)

    async def _open_line(self) -> _Line:
        async with self._opening:
            if self._line is None:
                self._line = _Line(await _started_producer(self._settings))
            return self._line


class _Line:
    """One producer, from its first record to its first failure."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._broken = False

    async def write(self, target: Target, records: Sequence[OutRecord]) -> list[Written]:
        """Write the records to one partition, batch after batch."""
        done, batches = 0, list[Written]()
        while done < len(records):
            if self._broken:
                raise InfrastructureError("this producer has failed before")
            try:
                batches.append(await _send_batch(self._producer, target, records, done))
            except BaseException:
                self._broken = True
                raise
            done += batches[-1].records
        return batches

    async def topic_id(self, topic: str) -> str:
        """See `Outputs`."""
        client = self._producer.client
        try:
            described = await describe(client, client.get_random_node(), {topic})
        except KafkaError as error:
            raise InfrastructureError(f"looking at {topic}: {error!r}") from error
        if topic not in described:
            raise InfrastructureError(f"there is no topic {topic}")
        return described[topic].topic_id

    async def drop(self) -> None:
        """Never use it again."""
        self._broken = True
        await _stop(self._producer)


async def _started_producer(settings: KafkaSettings) -> AIOKafkaProducer:
    break_as_on_asyncio()
    producer = AIOKafkaProducer(
        acks="all",
        enable_idempotence=True,
        compression_type=_codec(settings),
        max_batch_size=_BATCH_BYTES,
        request_timeout_ms=_REQUEST_SECONDS * 1000,
        **aiokafka_options(settings),
    )
    try:
        await producer.start()
    except KafkaError as error:
        await _stop(producer)
        raise InfrastructureError(f"no producer: {error!r}") from error
    return producer


async def _send_batch(
    producer: AIOKafkaProducer, target: Target, records: Sequence[OutRecord], start: int
) -> Written:
    """Write one batch of the records from `start` on."""
    batch = producer.create_batch()
    count = _fill(batch, records, start)
    try:
        future = await producer.send_batch(batch, target.topic, partition=target.partition)
        metadata = await future
    except _PERMANENT as error:
        raise Fatal(_refused(target, records[start], error)) from error
    except KafkaError as error:
        raise InfrastructureError(f"write to {target.topic}: {error!r}") from error
    return Written(metadata.offset, count)


def _fill(batch: Any, records: Sequence[OutRecord], start: int) -> int:
    append = batch.append
    count = 0
    for index in range(start, len(records)):
        record = records[index]
        headers = list(record.headers)
        if append(timestamp=None, key=record.key, value=record.value, headers=headers) is None:
            break
        count += 1
    batch.close()
    return count


def _refused(target: Target, record: OutRecord, error: KafkaError) -> str:
    origin = header_in(record.headers, HEADER) or b"none"
    return (
        f"Kafka refuses to store the record of origin {origin.decode()} (or one of its batch) in "
        f"{target.topic}, partition {target.partition}: {type(error).__name__}"
    )


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)
    except (KafkaError, TimeoutError) as error:
        log.warning("producer closed with an error", error=repr(error))


def _codec(settings: KafkaSettings) -> str | None:
    return None if settings.compression == "none" else settings.compression
