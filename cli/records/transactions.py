"""The edge of what is done once: records, and the note that they were sent, in one transaction.

The notes stand in a ledger, a compacted topic of one partition. Whoever opens a transactional id
ends what another has left open under it, and that one can write no more; then the notes are read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced

from cli.endings import Failed
from cli.records.reading import TopicReader
from pipeline.errors import InfrastructureError
from pipeline.faults import FaultPoints
from pipeline.kafka.admin import Admin
from pipeline.kafka.client import aiokafka_options
from pipeline.kafka.outputs import codec
from pipeline.logs import log
from pipeline.records import Deliveries, InRecord, OutRecord, Target
from pipeline.settings import KafkaSettings

_BATCH_BYTES = 256 * 1024
_TRANSACTION_MS = 20_000  # readers of the source wait that long for what was killed
_CLOSE_SECONDS = 5.0


class Transactions:
    """Writes piece after piece, each whole or not at all; open it with `transactions`."""

    def __init__(self, producer: AIOKafkaProducer, doing: str, faults: FaultPoints) -> None:
        self._producer = producer
        self._doing = doing
        self._faults = faults

    async def write(self, records: Deliveries, notes: Deliveries) -> None:
        """Records and notes, all of them or none.

        Raises InfrastructureError, and Failed where another one has begun under the same id.
        """
        with _told(self._doing):
            async with self._producer.transaction():
                await self._acknowledged(records)
                self._faults.hit(f"before-{self._doing}-note")
                await self._acknowledged(notes)
                self._faults.hit(f"before-{self._doing}-commit")
            self._faults.hit(f"after-{self._doing}-commit")

    async def _acknowledged(self, deliveries: Deliveries) -> None:
        sent = [
            one
            for target, records in deliveries.items()
            for one in await self._in_batches(target, records)
        ]
        await asyncio.gather(*sent)

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
async def transactions(
    settings: KafkaSettings, transactional_id: str, doing: str, faults: FaultPoints
) -> AsyncIterator[Transactions]:
    """Open once what another has left open under the id is undone.

    `doing` is what errors and fault points call it. Raises InfrastructureError.
    """
    producer = AIOKafkaProducer(
        transactional_id=transactional_id,
        transaction_timeout_ms=_TRANSACTION_MS,
        compression_type=codec(settings),
        max_batch_size=_BATCH_BYTES,
        **aiokafka_options(settings),
    )
    try:
        with _told(doing):
            await producer.start()
        yield Transactions(producer, doing, faults)
    finally:
        await _stop(producer)


def make_ledger(settings: KafkaSettings, ledger: str) -> None:
    """Make the topic, if there is none. Blocks; raises InfrastructureError."""
    with Admin.connect(settings) as admin:
        if not admin.partitions((ledger,)):
            admin.make(ledger, 1, {"cleanup.policy": "compact"})


def noted(settings: KafkaSettings, ledger: str) -> Iterator[InRecord]:
    """What the ledger holds; nothing where there is none yet. Blocks.

    Waits for transactions under other ids that are open now: a note of ours may be behind them.
    """
    with Admin.connect(settings) as admin:
        if not admin.partitions((ledger,)):
            return
        end = admin.ends([(ledger, 0)])[(ledger, 0)]
    with TopicReader.connect(settings, ledger) as reader:
        yield from reader.between(reader.starts(), {0: end})


def _appended(batch: Any, record: OutRecord) -> bool:
    """False for a full batch; the first record always fits."""
    appended = batch.append(
        timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
    )
    return appended is not None


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)
    except (KafkaError, TimeoutError) as error:
        log.warning("producer closed with an error", error=repr(error))


@contextlib.contextmanager
def _told(doing: str) -> Iterator[None]:
    try:
        yield
    except ProducerFenced as error:
        raise Failed(
            f"another {doing} has begun, or this one was held up for {_TRANSACTION_MS // 1000} s; "
            "what it has sent is noted: run again it goes on from there"
        ) from error
    except KafkaError as error:
        raise InfrastructureError(
            f"{doing}: {error!r}; run it again, what is noted is not sent twice"
        ) from error
