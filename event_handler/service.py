"""Moves batches through the handler: canonical or rejected, acknowledged, then committed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from event_handler.core import REJECTED, STAGE, Handled, Handler
from event_handler.positions import GroupPositions
from pipeline import metrics
from pipeline.faults import FaultPoints
from pipeline.kafka.feed import Batch
from pipeline.kafka.positions import Log
from pipeline.ports import Writer
from pipeline.records import OutRecord, Target


@dataclass(slots=True)
class EventHandler:
    """A Stage (see `pipeline.worker`) whose position is what the group has committed."""

    handler: Handler
    outputs: Writer
    positions: GroupPositions
    faults: FaultPoints
    name: str = STAGE

    async def position(self, log: Log) -> int | None:
        """Where the group stands; None while the partition is paused."""
        return await self.positions.position(log)

    async def flush(self) -> None:
        """Nothing is held here beyond a batch."""

    async def process(self, batches: Sequence[Batch]) -> None:
        """Every record out and acknowledged, and only then the commit, which is the position."""
        new = [batch for batch in batches if self.positions.is_new(batch)]
        handled = [self._handled(batch) for batch in new]
        if new:
            self.faults.hit("before-outputs")
            await self.outputs.deliver(_deliveries(handled))
            self.faults.hit("after-outputs")
        for batch, outcomes in zip(new, handled, strict=True):
            self.positions.came_out(batch, _count(outcomes))
        await self.positions.pause_in_a_flood()
        await (self.positions.commit_if_due() if batches else self.positions.commit())

    def _handled(self, batch: Batch) -> list[Handled]:
        incarnation = self.positions.incarnation(batch)
        return [self.handler.handle(incarnation, record) for record in batch.records]

    async def close(self) -> None:
        """Commit what came out, and let go of the producer."""
        try:
            await self.positions.close()
        finally:
            await self.outputs.close()


def _deliveries(handled: Sequence[Sequence[Handled]]) -> dict[Target, list[OutRecord]]:
    deliveries: dict[Target, list[OutRecord]] = defaultdict(list)
    for of_batch in handled:
        for one in of_batch:
            deliveries[one.target].append(one.record)
    return deliveries


def _count(handled: Sequence[Handled]) -> int:
    """Count what came out of one batch in the metrics; returns how many were rejected."""
    outcomes = Counter((one.kind, one.outcome) for one in handled)
    rejected = 0
    for (kind, outcome), count in outcomes.items():
        if outcome == REJECTED:
            rejected += count
            metrics.REJECTED.labels(STAGE, kind).inc(count)
            kind = "unknown"  # noqa: PLW2901 - a rejected record has no event type
        metrics.RECORDS.labels(STAGE, kind, outcome).inc(count)
    metrics.REPAIRED_KEYS.inc(sum(one.repaired_key for one in handled))
    return rejected
