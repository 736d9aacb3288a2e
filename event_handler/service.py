"""Moves batches through the handler: canonical or rejected, acknowledged, then committed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from event_handler.core import REJECTED, STAGE, Handled, Handler
from pipeline import metrics
from pipeline.faults import FaultPoints
from pipeline.kafka.feed import Batch, Log, Reader
from pipeline.ports import Writer
from pipeline.records import OutRecord, Target


class CommittedReader(Reader, Protocol):
    """A reader that also knows what the group has committed."""

    async def committed(self, topic: str, partition: int) -> int | None:
        """The committed next offset; None where there is none."""
        ...


@dataclass(slots=True)
class EventHandler:
    """A Stage (see `pipeline.worker`) whose position is what the group has committed."""

    handler: Handler
    outputs: Writer
    faults: FaultPoints
    reader: CommittedReader = field(init=False)
    name: str = STAGE

    async def position(self, log: Log) -> int:
        """The committed offset; the log's first where nothing was ever committed."""
        committed = await self.reader.committed(log.topic, log.partition)
        return log.start if committed is None else committed

    async def process(self, batches: Sequence[Batch]) -> None:
        """Every record out and acknowledged, then the commit, which is the position."""
        current = [batch for batch in batches if self.reader.is_current(batch)]
        if not current:
            return
        handled = [
            self.handler.handle(batch.topic_id, record)
            for batch in current
            for record in batch.records
        ]
        self.faults.hit("before-outputs")
        await self.outputs.deliver(_deliveries(handled))
        self.faults.hit("after-outputs")
        await self.reader.commit(
            {(batch.topic, batch.partition): batch.next_offset for batch in current}
        )
        _count(handled)

    async def close(self) -> None:
        """Let go of the producer."""
        await self.outputs.close()


def _deliveries(handled: Sequence[Handled]) -> dict[Target, list[OutRecord]]:
    deliveries: dict[Target, list[OutRecord]] = defaultdict(list)
    for one in handled:
        deliveries[one.target].append(one.record)
    return deliveries


def _count(handled: Sequence[Handled]) -> None:
    outcomes = Counter((one.kind, one.outcome) for one in handled)
    for (kind, outcome), count in outcomes.items():
        if outcome == REJECTED:
            metrics.REJECTED.labels(STAGE, kind).inc(count)
            kind = "unknown"  # noqa: PLW2901 - a rejected record has no event type
        metrics.RECORDS.labels(STAGE, kind, outcome).inc(count)
    metrics.REPAIRED_KEYS.inc(sum(one.repaired_key for one in handled))
