"""The edge to Kafka: one record per event, each key on the partition that Kafka's clients give it.

In order per key. While Kafka fails, what is under way is sent again until it is stored, so after a
failure some records may be stored twice, with the same `event_id`. Of one key no more are under way
than the fold still knows after as many others (`UseCase.events_at_once`), so that they count once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Protocol

from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Admin
from pipeline.kafka.outputs import Outputs
from pipeline.logs import log
from pipeline.partitioner import partition_of
from pipeline.records import Deliveries, OutRecord, Target
from pipeline.settings import KafkaSettings
from pipeline.world import SourceRecord

_REMEMBERED_KEYS = 200_000
_RETRY_SECONDS = 1.0


class Delivering(Protocol):
    """What the sink needs of `pipeline.kafka.outputs.Outputs`."""

    async def deliver(self, deliveries: Deliveries) -> None:
        """Return when all is acknowledged. Raises InfrastructureError to be asked again."""
        ...


class KafkaSink:
    """Writes to one topic, at most `most` records of a key at once."""

    def __init__(
        self,
        outputs: Delivering,
        topic: str,
        partitions: int,
        most: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._outputs = outputs
        self._most = most
        self._sleep = sleep

        @lru_cache(_REMEMBERED_KEYS)
        def target(key: bytes | None) -> Target:
            return Target(topic, partition_of(key or b"", partitions))

        self._target = target

    async def send(self, records: Sequence[SourceRecord]) -> None:
        """Return when all are acknowledged; waits for as long as Kafka is away. Raises Fatal."""
        for part in parts(records, self._most):
            deliveries: dict[Target, list[OutRecord]] = defaultdict(list)
            for key, value in part:
                deliveries[self._target(key)].append(OutRecord(key, value))
            while not await self._delivered(deliveries):
                await self._sleep(_RETRY_SECONDS)

    async def _delivered(self, deliveries: Deliveries) -> bool:
        try:
            await self._outputs.deliver(deliveries)
        except InfrastructureError as error:
            log.warning("Kafka takes nothing, trying again", error=str(error))
            return False
        return True


def parts(records: Sequence[SourceRecord], most: int) -> Iterator[Sequence[SourceRecord]]:
    """The records in their order, in pieces with at most `most` of one key."""
    counts, begin = Counter[bytes | None](), 0
    for number, record in enumerate(records):
        if counts[record.key] == most and record.key is not None:  # no key: no event of anyone
            yield records[begin:number]
            counts, begin = Counter(), number
        counts[record.key] += 1
    yield records[begin:]


@asynccontextmanager
async def kafka_sink(settings: KafkaSettings, topic: str, most: int) -> AsyncIterator[KafkaSink]:
    """A sink into `topic`, closed at the end. Raises Refusal when there is no such topic."""
    partitions = await asyncio.to_thread(_partitions, settings, topic)
    outputs = Outputs(settings)
    await outputs.start()
    try:
        yield KafkaSink(outputs, topic, partitions, most)
    finally:
        await outputs.close()


def _partitions(settings: KafkaSettings, topic: str) -> int:
    with Admin.connect(settings) as admin:
        return admin.count(topic)
