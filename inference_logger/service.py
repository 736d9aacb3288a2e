"""Moves batches into files: held in memory, cut when due, published, then committed as a hint."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from inference_logger.files import LogFiles, NewFile
from inference_logger.held import Block, Held
from inference_logger.tables import Layout
from pipeline import metrics
from pipeline.clock import Clock
from pipeline.conflicts import NEW_EPOCH
from pipeline.errors import InfrastructureError, Refusal
from pipeline.faults import FaultPoints
from pipeline.kafka.feed import Batch, Reader
from pipeline.kafka.positions import Log, refuse_outside
from pipeline.logs import log
from pipeline.parquet.files import Position
from pipeline.settings import LoggerSettings

STAGE = "inference_logger"

_LOOK_SECONDS = 1.0

Key = tuple[str, int]
"""A partition of a topic."""


@dataclass(slots=True)
class InferenceLogger:
    """A Stage (see `pipeline.worker`) whose position is what the files say.

    What is held of a partition that is no longer ours is dropped: its next owner reads it again.
    """

    layouts: Mapping[str, Layout]
    files: LogFiles
    limits: LoggerSettings
    clock: Clock
    faults: FaultPoints
    reader: Reader = field(init=False)
    name: str = STAGE
    held: dict[Key, Held] = field(default_factory=dict)
    uncommitted: dict[Key, int] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)
    _look_at: float = 0.0

    async def position(self, log: Log) -> int:
        """The offset after the last one in a file; the log's first where there is no file.

        Raises Refusal when the files are of another topic of that name, or Kafka's log does not go
        on where they end.
        """
        found = await asyncio.to_thread(self.files.position, log.topic, log.partition)
        position = found or Position(log.topic_id, log.start, {})
        if position.topic_id != log.topic_id:
            raise Refusal(
                f"topic {log.topic} was made again: the log has {position.topic_id}, "
                f"Kafka {log.topic_id}",
                NEW_EPOCH,
            )
        refuse_outside(log, position.next_offset, NEW_EPOCH)
        self._start(log, position)
        return position.next_offset

    async def process(self, batches: Sequence[Batch]) -> None:
        """Hold the records, write the files that are due, and commit what is written."""
        self._drop_what_is_lost()
        for batch in batches:
            self._take(batch)
        await self._look_for_askers()
        for key, held in [*self.held.items()]:
            while (block := held.due(self.clock.monotonic())) is not None:
                await self._write(key, held, block)
        await self._keep_within_bytes()
        await self._commit()

    async def flush(self) -> None:
        """Write what is held of the partitions that are still ours. Raises InfrastructureError."""
        for key, held in [*self.held.items()]:
            while held.blocks:
                await self._write(key, held, held.blocks[0])

    async def close(self) -> None:
        """Write what is held, and commit it, if that is possible."""
        try:
            await self.flush()
            await self._commit()
        except InfrastructureError as error:
            log.warning("ended with records unwritten; they will be read again", error=str(error))

    def _start(self, log: Log, position: Position) -> None:
        key = (log.topic, log.partition)
        layout = self.layouts[log.topic]
        self.held[key] = Held(layout, log.partition, position, self.limits)
        self._wrote_up_to(key, position)

    def _take(self, batch: Batch) -> None:
        key = (batch.topic, batch.partition)
        held = self.held.get(key)
        if held is None or not self.reader.is_current(batch) or batch.start < held.next_offset:
            return
        if batch.start > held.next_offset:
            self._drop(key, held)
            self.reader.reposition(*key)
            return
        held.take(batch, self.clock.monotonic())

    async def _look_for_askers(self) -> None:
        """Who waits for the log in Parquet may ask for it."""
        now = self.clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        for topic in dict.fromkeys(topic for topic, _ in self.held):
            asked = await asyncio.to_thread(self.files.asked_at, topic)
            if self._asked.setdefault(topic, asked) != asked:
                self._asked[topic] = asked
                for held in (held for key, held in self.held.items() if key[0] == topic):
                    held.hurry()

    def _drop_what_is_lost(self) -> None:
        for key, held in [*self.held.items()]:
            if self._is_lost(held):
                self._drop(key, held)

    def _is_lost(self, held: Held) -> bool:
        return held.latest is not None and not self.reader.is_current(held.latest)

    def _drop(self, key: Key, held: Held) -> None:
        held.blocks.clear()
        del self.held[key]

    async def _keep_within_bytes(self) -> None:
        while sum(held.bytes for held in self.held.values()) > self.limits.bytes:
            key, held = max(self.held.items(), key=lambda item: item[1].bytes)
            await self._write(key, held, held.blocks[0])

    async def _write(self, key: Key, held: Held, block: Block) -> None:
        """Write the oldest block. Raises InfrastructureError; then all is still held.

        Nothing is held any more where the partition was lost, or another worker was first.
        """
        if self._is_lost(held):
            self._drop(key, held)
            return
        table = await asyncio.to_thread(self._publish, key[0], block)
        if table is None:
            self._fenced(key, held)
            return
        held.wrote()
        self._wrote_up_to(key, held.position)
        _count(key[0], table)

    def _publish(self, topic: str, block: Block) -> pa.Table | None:
        """The table that is in a file now, in a thread; None where another worker was first."""
        table = block.table()
        file = NewFile(topic, block.partition, block.date, block.start, table, block.after)
        return table if self.files.publish(file) else None

    def _fenced(self, key: Key, held: Held) -> None:
        log.warning("these records are in another file", topic=key[0], partition=key[1])
        metrics.REWINDS.labels(self.name, "fenced").inc()
        self._drop(key, held)
        self.reader.reposition_once_confirmed(*key)

    def _wrote_up_to(self, key: Key, position: Position) -> None:
        self.uncommitted[key] = position.next_offset
        metrics.POSITION.labels(self.name, key[0], str(key[1])).set(position.next_offset)

    async def _commit(self) -> None:
        """Kafka's offset is a hint for lag tools; it is committed again later when that fails."""
        if not self.uncommitted:
            return
        self.faults.hit("before-commit")
        try:
            await self.reader.commit(self.uncommitted)
        except InfrastructureError as error:
            log.warning("not committed for now", error=str(error))
        else:
            self.uncommitted.clear()


def _count(topic: str, table: pa.Table) -> None:
    counts = {"logged": len(table), "replayed": pc.sum(table.column("replayed")).as_py()}
    if "raw" in table.column_names:
        raw = table.column("raw")
        counts["undecoded"] = len(raw) - raw.null_count
    for outcome, count in counts.items():
        metrics.RECORDS.labels(STAGE, topic, outcome).inc(count)
