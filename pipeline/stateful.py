"""The order in which a stage with a marker brings a batch to its effects.

decode -> origin rule -> state (memory, or one read) -> apply -> outputs acknowledged -> one script
writes entities and marker -> commit, as a hint. What only this stage knows is its `Core`.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from pipeline.clock import Clock
from pipeline.conflicts import (
    ANY_NUMBER,
    is_higher,
    is_ours,
    refuse_another_log,
    refuse_lost,
    refuse_unless_whole,
    same,
)
from pipeline.errors import InfrastructureError, Waiting, most_serious
from pipeline.faults import FaultPoints
from pipeline.holding import Holding
from pipeline.kafka.feed import Batch, Reader
from pipeline.kafka.positions import Log
from pipeline.logs import log
from pipeline.marker import Marker
from pipeline.metrics import DROPPED, EVENT_TO_EFFECT_SECONDS, POSITION, RETRIES, REWINDS
from pipeline.origin import Highest, milliseconds_in
from pipeline.ports import Applied, Core, EntityStore, I, Writer
from pipeline.store.store import MOST_ENTITIES

_CHECK_SECONDS = 1.0
_HINT_SECONDS = 1.0
_ALARMING_DROPS = 100_000
MOST_RECORDS = 5_000

Partition = tuple[str, int]
Computing = Callable[..., Awaitable[Any]]
"""Calls a function with these arguments, wherever it may take its time."""


async def on_the_loop(function: Callable[..., Any], *arguments: Any) -> Any:
    """At once and right here: nothing else goes on meanwhile, no heartbeat either."""
    return function(*arguments)


@dataclass(slots=True)
class _Progress:
    """What the stage believes of one owned partition."""

    marker: Marker
    stored: bool
    dropped: int = 0

    @property
    def believed(self) -> Marker | None:
        return self.marker if self.stored else None


@dataclass(slots=True)
class Stateful(Generic[I]):
    """A Stage (see `pipeline.worker`) whose truth about its progress is the marker in Redis."""

    name: str
    core: Core[I]
    store: EntityStore
    outputs: Writer
    fingerprint: str
    effect: str
    """What an entity gets of it, as in the metrics: a feature, or a score."""
    clock: Clock
    faults: FaultPoints
    partitions: int = ANY_NUMBER
    """By how many the entities are placed; another number in a marker is refused."""
    computing: Computing = on_the_loop
    """Where the core applies; a slow one needs a thread, or the group takes it for dead."""
    moved: Callable[[], None] = lambda: None
    """Called whenever a marker has moved: a large poll of a slow model takes minutes."""
    held: Callable[[int], None] = lambda _: None
    """Called with how many partitions wait for something that the others do not need."""
    reader: Reader = field(init=False)
    _holding: Holding = field(init=False)
    _progress: dict[Partition, _Progress] = field(default_factory=dict)
    _locks: dict[Partition, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _checked_at: float = 0.0
    _hinted_at: float = 0.0

    def __post_init__(self) -> None:
        self._holding = Holding(self.clock)

    async def position(self, log: Log) -> int | None:
        """After the marker's offset; 0, under a new generation, where there is no marker.

        None while the partition is held. Waits for what is being done on it, so that no two
        readings of it overlap.
        """
        if self._holding.is_shut((log.topic, log.partition)):
            return None
        async with self._locks[(log.topic, log.partition)]:
            return await self._position(log)

    async def _position(self, log: Log) -> int:
        self._forget((log.topic, log.partition))
        marker = await self.store.marker(log.partition)
        if marker is None:
            refuse_unless_whole(log)
            generation = uuid.uuid4().hex[:8]
            first = Marker.first(log.topic_id, generation, self.fingerprint, self.partitions)
            progress = _Progress(first, stored=False)
        else:
            refuse_another_log(marker, log, self.fingerprint, self.partitions)
            refuse_lost(marker, log)
            progress = _Progress(marker, stored=True)
        self._progress[(log.topic, log.partition)] = progress
        return progress.marker.offset + 1

    async def flush(self) -> None:
        """Nothing is held here beyond a batch."""

    async def process(self, batches: Sequence[Batch]) -> None:
        """Bring the batches to their effects, partitions side by side."""
        await self._check_markers()
        results = await asyncio.gather(
            *(self._process_one(batch) for batch in batches), return_exceptions=True
        )
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise most_serious(failures)
        self.held(self._holding.count)
        if self.clock.monotonic() - self._hinted_at >= _HINT_SECONDS:
            await self._hint()

    async def close(self) -> None:
        """Let go of every client."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hint(), _HINT_SECONDS)
        await self.outputs.close()
        await self.store.close()

    async def _hint(self) -> None:
        """Commit, for lag tools only: the marker is what counts."""
        self._hinted_at = self.clock.monotonic()
        with contextlib.suppress(InfrastructureError):
            await self.reader.commit(
                {place: one.marker.offset + 1 for place, one in self._progress.items()}
            )

    async def _process_one(self, batch: Batch) -> None:
        async with self._locks[(batch.topic, batch.partition)]:
            await self._process_alone(batch)

    async def _process_alone(self, batch: Batch) -> None:
        progress = self._progress.get((batch.topic, batch.partition))
        if progress is None or not self.reader.is_current(batch):
            return
        if batch.start > progress.marker.offset + 1:
            self._read_again((batch.topic, batch.partition), "gap")
            return
        items = self.core.decode(batch, progress.marker.offset)
        for part in parts(items):
            if not await self._process_part(batch, progress, part):
                return

    async def _process_part(self, batch: Batch, progress: _Progress, part: Sequence[I]) -> bool:
        """Bring one part to all its effects; False when the partition has to be read again."""
        partition = batch.partition
        highest = progress.marker.highest.copy()
        fresh = self._fresh(progress, highest, part)
        if not await self._learn(batch, progress, fresh):
            return False
        self.faults.hit("apply")
        lookups = progress.marker.lookups
        try:
            applied: Applied = await self.computing(self.core.apply, partition, lookups, fresh)
        except Waiting as error:
            self._hold((batch.topic, batch.partition), error)
            return False
        self.faults.hit("before-outputs")
        await self.outputs.deliver(applied.outputs)
        self.faults.hit("after-outputs")
        new = progress.marker.at(part[-1].offset, highest, applied.lookups)
        conflict = await self.store.write(partition, progress.believed, new, applied.entities)
        self.faults.hit("after-write")
        if conflict is not None and not is_ours(conflict, new):
            self._resolve((batch.topic, batch.partition), progress, conflict.actual)
            return False
        progress.marker, progress.stored = new, True
        self._holding.let_go((batch.topic, batch.partition))
        applied.settled()
        self.moved()
        POSITION.labels(self.name, batch.topic, partition).set(new.offset + 1)
        self._observe_age(fresh)
        return True

    def _fresh(self, progress: _Progress, highest: Highest, part: Sequence[I]) -> list[I]:
        """The items that are no replays by the origin rule; counts the others."""
        fresh = [item for item in part if highest.admit(item.origin)]
        replays = len(part) - len(fresh)
        progress.dropped = progress.dropped + replays if not fresh else 0
        if replays:
            DROPPED.labels(self.name).inc(replays)
        if progress.dropped > _ALARMING_DROPS:
            log.error("nothing but replays", in_a_row=progress.dropped)
        return fresh

    def _observe_age(self, items: Sequence[I]) -> None:
        """How long ago the first item's cause arrived: the longest wait of the part."""
        caused_at = milliseconds_in(items[0].record.headers) if items else None
        if caused_at is not None:
            age = self.clock.now() / 1e6 - caused_at / 1e3
            EVENT_TO_EFFECT_SECONDS.labels(self.effect).observe(max(age, 0.0))

    async def _learn(self, batch: Batch, progress: _Progress, items: Sequence[I]) -> bool:
        unknown = self.core.unknown(batch.partition, items)
        if not unknown:
            return True
        generation = progress.marker.generation
        snapshot = await self.store.read(batch.partition, generation, unknown)
        if not same(snapshot.marker, progress.believed):
            self._resolve((batch.topic, batch.partition), progress, snapshot.marker)
            return False
        self.core.learn(batch.partition, unknown, snapshot.values)
        return True

    async def _check_markers(self) -> None:
        """Notice within a second, also on a quiet partition, that a marker is not ours."""
        if self.clock.monotonic() - self._checked_at < _CHECK_SECONDS:
            return
        owned = set(self.reader.owned)
        for place, progress in list(self._progress.items()):
            if place not in owned:
                self._forget(place)
                continue
            actual = await self.store.marker(place[1])
            if self._progress.get(place) is progress and not same(actual, progress.believed):
                self._resolve(place, progress, actual)
        self._checked_at = self.clock.monotonic()

    def _resolve(self, place: Partition, progress: _Progress, actual: Marker | None) -> None:
        """Read on from the marker that is there: at once if it is lower, else once confirmed."""
        if is_higher(actual, progress.marker):
            log.warning("another worker went further", partition=place[1])
            REWINDS.labels(self.name, "higher").inc()
            self._forget(place)
            self.reader.reposition_once_confirmed(*place)
        else:
            self._read_again(place, "lower")

    def _hold(self, place: Partition, why: Waiting) -> None:
        """Read it from the marker a moment later; the other partitions go on."""
        RETRIES.labels(self.name).inc()
        self._holding.hold(place, why)
        self._forget(place)
        self.reader.reposition(*place)

    def _read_again(self, place: Partition, why: str) -> None:
        log.warning("reading from the marker again", partition=place[1], why=why)
        REWINDS.labels(self.name, why).inc()
        self._forget(place)
        self.reader.reposition(*place)

    def _forget(self, place: Partition) -> None:
        self._progress.pop(place, None)
        self.core.forget(place[1])


def parts(
    items: Sequence[I], most: int = MOST_ENTITIES, records: int = MOST_RECORDS
) -> Iterator[Sequence[I]]:
    """Cut items, at an item, so that each part is about at most `most` different entities."""
    start, seen = 0, set[str]()
    for index, item in enumerate(items):
        if index - start == records:
            yield items[start:index]
            start, seen = index, set()
        if item.entity is None or item.entity in seen:
            continue
        if len(seen) == most:
            yield items[start:index]
            start, seen = index, set()
        seen.add(item.entity)
    if start < len(items):
        yield items[start:]
