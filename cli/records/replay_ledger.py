"""The edge of a replay: each record and its entry in the ledger in one Kafka transaction.

The ledger is a compacted topic whose keys are the origins that were replayed. Whoever opens it ends
what another replay has left open, and that one can write no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from cli.endings import Failed
from cli.records.reading import TopicReader
from cli.records.rejects import Reject
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError
from pipeline.faults import FaultPoints
from pipeline.kafka.admin import Admin
from pipeline.kafka.client import aiokafka_options
from pipeline.partitioner import partition_of
from pipeline.records import Deliveries, OutRecord, Target
from pipeline.settings import KafkaSettings
from pipeline.topics import Topics, ledger_of

HEADER = "replay-of"
_BATCH_BYTES = 256 * 1024
_TRANSACTION_MS = 20_000  # readers of the source wait that long for a replay that was killed


def fresh(reject: Reject) -> OutRecord:
    """The record that goes to the source again: key and value as they were, and whence it comes."""
    return OutRecord(reject.key, reject.value, ((HEADER, reject.origin.encode()),))


def stored_bytes(record: OutRecord) -> int:
    """An upper bound of what a broker compares with a topic's `max.message.bytes`."""
    size: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(
        record.key, record.value, list(record.headers)
    )
    return size


def replayed_origins(settings: KafkaSettings, case: UseCase) -> frozenset[str]:
    """What the ledger holds; nothing where there is none yet. Blocks."""
    ledger = ledger_of(case)
    with Admin.connect(settings) as admin:
        if not admin.partitions((ledger,)):
            return frozenset()
    with TopicReader.connect(settings, ledger) as reader:
        records = reader.between(reader.starts(), reader.ends())
        return frozenset((record.key or b"").decode(errors="replace") for record in records)


def make_ledger(settings: KafkaSettings, case: UseCase) -> None:
    """Make the ledger's topic, if there is none. Blocks; raises InfrastructureError."""
    with Admin.connect(settings) as admin:
        if not admin.partitions((ledger_of(case),)):
            admin.make(ledger_of(case), 1, {"cleanup.policy": "compact"})


class Replays:
    """Sends records to the source; open it with `replays`."""

    def __init__(
        self, producer: AIOKafkaProducer, case: UseCase, partitions: int, faults: FaultPoints
    ) -> None:
        self._producer = producer
        self._source, self._ledger = Topics.of(case).generated, ledger_of(case)
        self._partitions = partitions
        self._faults = faults

    async def send(self, rejects: Sequence[Reject]) -> None:
        """All of them and their entries in the ledger, or none.

        Raises InfrastructureError, and Failed where another replay has begun.
        """
        with _said():
            async with self._producer.transaction():
                await asyncio.gather(
                    *[
                        sent
                        for target, records in self._deliveries(rejects).items()
                        for sent in await self._in_batches(target, records)
                    ]
                )
                self._faults.hit("before-replay-commit")
            self._faults.hit("after-replay-commit")

    def _deliveries(self, rejects: Sequence[Reject]) -> Deliveries:
        deliveries: dict[Target, list[OutRecord]] = defaultdict(list)
        for one in rejects:
            number = partition_of(one.key or b"", self._partitions)
            deliveries[Target(self._source, number)].append(fresh(one))
            entry = OutRecord(one.origin.encode(), one.reason.encode())
            deliveries[Target(self._ledger, 0)].append(entry)
        return deliveries

    async def _in_batches(self, target: Target, records: Sequence[OutRecord]) -> list[Any]:
        """Begin to send; returns what to wait for."""
        batch, sent = self._producer.create_batch(), []
        for record in records:
            if not _appended(batch, record):
                sent.append(await self._sent(batch, target))
                batch = self._producer.create_batch()
                _appended(batch, record)
        return [*sent, await self._sent(batch, target)]

    async def _sent(self, batch: Any, target: Target) -> Any:
        batch.close()
        return await self._producer.send_batch(batch, target.topic, partition=target.partition)


@contextlib.asynccontextmanager
async def replays(
    settings: KafkaSettings, case: UseCase, partitions: int, faults: FaultPoints
) -> AsyncIterator[Replays]:
    """What another replay has left unfinished is undone before this is open."""
    producer = AIOKafkaProducer(
        transactional_id=f"{case.name}-rejected-replay",
        transaction_timeout_ms=_TRANSACTION_MS,
        max_batch_size=_BATCH_BYTES,
        **aiokafka_options(settings),
    )
    with _said():
        await producer.start()
    try:
        yield Replays(producer, case, partitions, faults)
    finally:
        await producer.stop()


def _appended(batch: Any, record: OutRecord) -> bool:
    """False for a full batch; the first record always fits."""
    appended = batch.append(
        timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
    )
    return appended is not None


@contextlib.contextmanager
def _said() -> Any:
    try:
        yield
    except ProducerFenced as error:
        raise Failed("another replay has begun; what this one has sent is in the ledger") from error
    except KafkaError as error:
        raise InfrastructureError(
            f"replay: {error!r}; run it again, what is in the ledger is not sent twice"
        ) from error
