"""Fakes of the edges: a store, a writer and a feed that keep the real ones' promises in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.errors import Fatal, InfrastructureError
from pipeline.kafka.feed import Batch
from pipeline.kafka.positions import Log, Positions
from pipeline.marker import Marker
from pipeline.origin import HEADER, Highest, Origin, header_in
from pipeline.records import Acknowledged, Deliveries, InRecord, OutRecord, Target, Written
from pipeline.state import Raw
from pipeline.store.peek import Live, Seen, Wanted
from pipeline.store.store import Conflict, Snapshot, Values
from tests.support.events import INCOMING_ID

Records = list[InRecord]
Entity = tuple[int, str, str]
"""Partition, generation, entity."""


class FakeStore:
    """Markers and entities as Redis would hold them: text and bytes, never our own objects."""

    def __init__(self) -> None:
        self.markers: dict[int, dict[str, str]] = {}
        self.entities: dict[Entity, list[bytes]] = {}
        self.spoilt: set[Entity] = set()
        self.reads = 0
        self.writes = 0

    async def marker(self, partition: int) -> Marker | None:
        fields = self.markers.get(partition)
        return None if fields is None else Marker.decode(fields)

    async def read(self, partition: int, generation: str, entities: Sequence[str]) -> Snapshot:
        self.reads += 1
        keys = [(partition, generation, entity) for entity in entities]
        self._refuse_spoilt(keys)
        values: list[list[Raw]] = [[*self.entities.get(key, [None])] for key in keys]
        return Snapshot(await self.marker(partition), values)

    def peek(self, written: Sequence[str], asked: Sequence[str]) -> FakePeek:
        """Looks at some of the fields that are written."""
        return FakePeek(self, [written.index(name) for name in asked])

    async def write(
        self, partition: int, believed: Marker | None, new: Marker, entities: Mapping[str, Values]
    ) -> Conflict | None:
        self.writes += 1
        keys = {entity: (partition, new.generation, entity) for entity in entities}
        self._refuse_spoilt(keys.values())
        actual = await self.marker(partition)
        if (actual and actual.identity) != (believed and believed.identity):
            return Conflict(actual)
        for entity, values in entities.items():
            self.entities.pop(keys[entity], None)
            if values is not None:
                self.entities[keys[entity]] = [_bytes(value) for value in values]
        self.markers[partition] = new.encode()
        return None

    async def close(self) -> None:
        pass

    def _refuse_spoilt(self, keys: Any) -> None:
        for key in keys:
            if key in self.spoilt:
                raise Fatal(f"partition {key[0]} is suspect: the key {key} is not a hash")


@dataclass
class FakePeek:
    """Looks at the fields in these places."""

    store: FakeStore
    places: Sequence[int]

    async def read(self, wanted: Mapping[int, Wanted]) -> Mapping[int, Seen]:
        return {partition: await self._seen(partition, one) for partition, one in wanted.items()}

    async def _seen(self, partition: int, wanted: Wanted) -> Seen:
        found = await self.store.read(partition, wanted.generation, wanted.entities)
        values = [self._part(one) for one in found.values]
        if found.marker is None:
            return Seen(None, values)
        marker = found.marker
        return Seen(Live(marker.generation, marker.fingerprint, marker.partitions), values)

    def _part(self, values: Sequence[Raw]) -> list[Raw]:
        """None for each where there is no entity, which the store tells by a single one."""
        return [None if values == [None] else values[place] for place in self.places]


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


class FakeWriter:
    """Partitions as lists; `failures` makes the next deliveries fail after so many records."""

    def __init__(self) -> None:
        self.logs: dict[Target, list[OutRecord]] = {}
        self.failures: list[int] = []
        self.topic_ids: dict[str, str] = {}
        self.deliveries: list[Deliveries] = []

    async def deliver(self, deliveries: Deliveries) -> None:
        await self.write(deliveries)

    async def write(self, deliveries: Deliveries) -> Acknowledged:
        if not deliveries:
            return {}
        self.deliveries.append(deliveries)
        starts = {target: len(self.logs.get(target, ())) for target in deliveries}
        left = self.failures.pop(0) if self.failures else None
        for target, records in deliveries.items():
            for record in records:
                if left == 0:
                    raise InfrastructureError("the broker is away")
                self.logs.setdefault(target, []).append(record)
                left = None if left is None else left - 1
        if left is not None:
            raise InfrastructureError("the last acknowledgement was lost")
        return {
            target: [Written(starts[target], len(records))]
            for target, records in deliveries.items()
        }

    async def topic_id(self, topic: str) -> str:
        return self.topic_ids.get(topic, topic)

    async def close(self) -> None:
        pass

    def effective(self, topic: str) -> list[OutRecord]:
        """What a stage that reads `topic` acts on: each record that is no replay."""
        return [
            record
            for (name, partition), records in sorted(self.logs.items())
            if name == topic
            for record in first_of_each_origin(records, partition)
        ]


def first_of_each_origin(records: Sequence[OutRecord], partition: int) -> list[OutRecord]:
    """The records that the origin rule admits, in order."""
    highest = Highest()
    return [record for record in records if highest.admit(origin_of(record, partition))]


def origin_of(record: OutRecord, partition: int = 0) -> Origin:
    raw = header_in(record.headers, HEADER)
    if raw is None:
        raise AssertionError(f"a record without origin in partition {partition}")
    return Origin.decode(raw)


class Gated(Positions, Protocol):
    """A stage, as far as a feed drives it."""

    async def process(self, batches: Sequence[Batch]) -> None: ...


@dataclass
class FakeFeed:
    """Reads logs in memory for one stage; `sizes` says how many records each batch has."""

    logs: Mapping[int, Records]
    sizes: Iterator[int]
    topic: str = "incoming-events"
    topic_id: str = INCOMING_ID
    starts: Mapping[int, int] = field(default_factory=dict)
    committed_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    unconfirmed: list[int] = field(default_factory=list)
    _next: dict[int, int] = field(default_factory=dict)
    _readings: dict[int, int] = field(default_factory=dict)
    _last_reading: int = 0

    @property
    def owned(self) -> list[tuple[str, int]]:
        return [(self.topic, partition) for partition in self._next]

    def is_current(self, batch: Batch) -> bool:
        return self._readings.get(batch.partition) == batch.reading

    def reposition(self, topic: str, partition: int) -> None:  # noqa: ARG002 - it has one topic
        self._next.pop(partition, None)
        self._readings.pop(partition, None)

    def reposition_once_confirmed(self, topic: str, partition: int) -> None:
        self.unconfirmed.append(partition)
        self.reposition(topic, partition)

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        self.committed_offsets.update(offsets)

    async def committed(self, topic: str, partition: int) -> int | None:
        return self.committed_offsets.get((topic, partition))

    def rebalance(self) -> None:
        """Everything is assigned again."""
        self._next.clear()
        self._readings.clear()

    async def poll(self, stage: Gated) -> list[Batch]:
        """The next records of each partition, from where the stage says."""
        for partition in self.logs.keys() - self._next.keys():
            position = await stage.position(self.place(partition))
            if position is None:
                continue
            self._next[partition] = position
            self._last_reading += 1
            self._readings[partition] = self._last_reading
        taken = [self._take(partition) for partition in sorted(self._next)]
        return [batch for batch in taken if batch.records]

    def place(self, partition: int) -> Log:
        """The partition as the broker has it."""
        start, end = self.starts.get(partition, 0), len(self.logs[partition])
        return Log(self.topic, self.topic_id, partition, start, end)

    def _take(self, partition: int) -> Batch:
        start = self._next[partition]
        records = self.logs[partition][start : start + next(self.sizes)]
        self._next[partition] = start + len(records)
        reading = self._readings[partition]
        return Batch(self.topic, self.topic_id, partition, start, reading, records)

    async def run(self, stage: Gated) -> None:
        """Poll and process, with retries, until all is read and nothing was rewound."""
        while True:
            batches = await self.poll(stage)
            await process(stage, batches)
            if not batches and self._next.keys() == self.logs.keys():
                return


async def process(stage: Gated, batches: Sequence[Batch], attempts: int = 20) -> None:
    """Process as the worker's loop does: again and again while something outside fails."""
    for _ in range(attempts):
        try:
            return await stage.process(batches)
        except InfrastructureError as error:
            failure = error
    raise failure
