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

from pipeline.errors import Fatal, InfrastructureError
from pipeline.kafka.client import aiokafka_options
from pipeline.logs import log
from pipeline.origin import HEADER, header_in
from pipeline.records import Deliveries, OutRecord, Target
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
    """An idempotent producer that keeps the promises above; `start` and `close` it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._failed = False

    async def start(self) -> None:
        """Connect. Raises InfrastructureError when Kafka cannot be reached."""
        await self._ready_producer()

    async def close(self) -> None:
        """Let go of the producer, within seconds even when the broker is down."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def deliver(self, deliveries: Deliveries) -> None:
        """Write everything; returns when all of it is acknowledged.

        Raises InfrastructureError when the same deliveries should be tried again, and Fatal when
        the broker refuses a record for good. May block while Kafka is away.
        """
        if not deliveries:
            return
        producer = await self._ready_producer()
        self._failed = False
        results = await asyncio.gather(
            *(self._deliver_one(producer, *item) for item in deliveries.items()),
            return_exceptions=True,
        )
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            await self.close()
            raise min(failures, key=_seriousness)

    async def _deliver_one(
        self, producer: AIOKafkaProducer, target: Target, records: Sequence[OutRecord]
    ) -> None:
        try:
            written = 0
            while written < len(records) and not self._failed:
                written += await _send_batch(producer, target, records, written)
        except BaseException:
            self._failed = True
            raise

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                acks="all",
                enable_idempotence=True,
                compression_type=_codec(self._settings),
                max_batch_size=_BATCH_BYTES,
                request_timeout_ms=_REQUEST_SECONDS * 1000,
                **aiokafka_options(self._settings),
            )
            try:
                await producer.start()
            except KafkaError as error:
                await _stop(producer)
                raise InfrastructureError(f"no producer: {error!r}") from error
            self._producer = producer
        return self._producer


async def _send_batch(
    producer: AIOKafkaProducer, target: Target, records: Sequence[OutRecord], start: int
) -> int:
    """Write one batch of the records from `start` on; returns how many it took."""
    batch = producer.create_batch()
    count = _fill(batch, records, start)
    try:
        future = await producer.send_batch(batch, target.topic, partition=target.partition)
        await future
    except _PERMANENT as error:
        raise Fatal(_refused(target, records[start], error)) from error
    except KafkaError as error:
        raise InfrastructureError(f"write to {target.topic}: {error!r}") from error
    return count


def _fill(batch: Any, records: Sequence[OutRecord], start: int) -> int:
    append = batch.append
    count = 0
    for index in range(start, len(records)):
        key, value, headers = records[index]
        if append(timestamp=None, key=key, value=value, headers=headers) is None:
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


def _seriousness(failure: BaseException) -> int:
    """What must not be retried comes before what may be."""
    return 1 if isinstance(failure, InfrastructureError) else 0


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)
    except (KafkaError, TimeoutError) as error:
        log.warning("producer closed with an error", error=repr(error))


def _codec(settings: KafkaSettings) -> str | None:
    return None if settings.compression == "none" else settings.compression
