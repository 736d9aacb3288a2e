"""The source: a seeded world's events at a rate, and control records on the way.

It sends from a thread and keeps what was acknowledged. While Kafka is away it tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from types import TracebackType
from typing import Self
from zlib import crc32

from generator.kafka_sink import KafkaSink
from generator.malformed import mixed
from generator.pace import Pace
from generator.service import Sink, generate
from generator.stream import Build
from pipeline.control import erase_record, lookup_record
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError
from pipeline.kafka.outputs import Outputs
from pipeline.partitioner import partition_of
from pipeline.records import Deliveries, Target
from pipeline.settings import KafkaSettings
from pipeline.topics import Topics
from pipeline.world import SourceRecord, World, WorldSize
from tests.faults.logs import Record

_EVENT_ID = re.compile(rb'"event_id":"[^"]*",')
_AT_ONCE = 40  # entities that are active at a time
_RETRY_SECONDS = 0.5
_JOIN_SECONDS = 20.0

Controls = Mapping[int, Deliveries]
"""What goes to `incoming-events` once so many records are sent."""


def interleaved(world: World, seed: int) -> Iterator[SourceRecord]:
    """A world's events, each entity's in their order, of some entities at a time, by chance."""
    events: dict[bytes, deque[SourceRecord]] = {}
    for record in world.events():
        events.setdefault(record.key or b"", deque()).append(record)
    dice, waiting = random.Random(seed), deque(events.values())
    active = [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting)))]
    while active:
        chosen = dice.randrange(len(active))
        yield active[chosen].popleft()
        if not active[chosen]:
            active[chosen : chosen + 1] = [waiting.popleft()] if waiting else []


def controls_of(
    case: UseCase, partitions: int, total: int, versions: Sequence[str], erased: Sequence[str]
) -> Controls:
    """The first table before all, the second in the middle, and an erasure now and then."""
    topic, (lookup,) = Topics.of(case).incoming, case.lookups
    tables = [
        {
            Target(topic, number): [lookup_record(lookup.name, version)]
            for number in range(partitions)
        }
        for version in versions
    ]
    erasures = [
        {Target(topic, partition_of(entity.encode(), partitions)): [erase_record(entity)]}
        for entity in erased
    ]
    places = [total * (2 * number + 1) // (2 * len(erased)) for number in range(len(erased))]
    return {0: tables[0], total // 2: tables[1], **dict(zip(places, erasures, strict=True))}


def worlds(build: Build, size: WorldSize) -> Iterator[SourceRecord]:
    """World after world, seed after seed."""
    for seed in count(size.seed):
        yield from interleaved(build(replace(size, seed=seed)), seed)


def partly_without_ids(records: Iterator[SourceRecord]) -> Iterator[SourceRecord]:
    """Every third entity sends no `event_id`, by which the fold would know what it meets twice."""
    for key, value in records:
        named = crc32(key or b"") % 3 > 0
        yield SourceRecord(key, value if named else _EVENT_ID.sub(b"", value or b""))


class Malformed:
    """Mixes malformed records in, and remembers which they were."""

    def __init__(self) -> None:
        self.values: set[bytes | None] = set()

    def mixed(
        self, records: Iterator[SourceRecord], case: UseCase, share: float, seed: int
    ) -> Iterator[SourceRecord]:
        """All of `records`, and so large a share of malformed ones among them."""
        last: list[SourceRecord] = []

        def good() -> Iterator[SourceRecord]:
            for record in records:
                last[:] = [record]
                yield record

        for record in mixed(good(), case, share, seed):
            if record is not last[0]:
                self.values.add(record.value)
            yield record

    def holds(self, record: Record) -> bool:
        """Whether a record of the source is one of them."""
        return record.value in self.values


class Source:
    """A context manager: records go out inside it; leaving it early stops them.

    It sends `least` records, and goes on for as long as nobody has asked it to `end`.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        case: UseCase,
        partitions: int,
        records: Iterator[SourceRecord],
        least: int,
        pace: Pace,
        controls: Controls,
    ) -> None:
        self.acknowledged: list[SourceRecord] = []
        self._settings = settings
        self._topic = Topics.of(case).generated
        self._partitions = partitions
        self._most = case.events_at_once
        self._ending = threading.Event()
        self._records = self._enough_of(records, least)
        self._pace = pace
        self._controls = dict(sorted(controls.items()))
        self._error: BaseException | None = None
        self._started = threading.Event()
        self._cancel: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended by itself
            self._cancel()
        self._thread.join(_JOIN_SECONDS)

    @property
    def sent(self) -> int:
        """How many records are acknowledged."""
        return len(self.acknowledged)

    def end(self) -> None:
        """Let it come to its end."""
        self._ending.set()

    def is_done(self) -> bool:
        """Whether all are sent. Raises what sending has raised."""
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _enough_of(self, records: Iterator[SourceRecord], least: int) -> Iterator[SourceRecord]:
        for number, record in enumerate(records):
            if number >= least and self._ending.is_set():
                return
            yield record

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._error = error

    async def _send(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is not None:
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        self._started.set()
        outputs = Outputs(self._settings)
        sink = _Remembering(
            KafkaSink(outputs, self._topic, self._partitions, self._most), self.acknowledged
        )
        try:
            for until, deliveries in self._controls.items():
                await generate(islice(self._records, until - self.sent), sink, self._pace)
                await _deliver(outputs, deliveries)
            await generate(self._records, sink, self._pace)
        finally:
            await outputs.close()


class _Remembering:
    """A sink that keeps what was acknowledged."""

    def __init__(self, sink: Sink, acknowledged: list[SourceRecord]) -> None:
        self._sink = sink
        self._acknowledged = acknowledged

    async def send(self, records: Sequence[SourceRecord]) -> None:
        await self._sink.send(records)
        self._acknowledged += records


async def _deliver(outputs: Outputs, deliveries: Deliveries) -> None:
    while True:
        try:
            return await outputs.deliver(deliveries)
        except InfrastructureError:
            await asyncio.sleep(_RETRY_SECONDS)
