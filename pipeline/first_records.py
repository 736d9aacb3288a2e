"""Of a stage's output the first record of each source offset counts, for readers and in Redis.

A batch that is tried again, after a failure or by another worker, may come out with other values:
by another clock, or another model. So what stands in the topic already is taken in place of what
was made anew. Whether something stands there is seen from the offsets under which Kafka
acknowledges what we write: where they do not follow on what is known, what is in between is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.errors import InfrastructureError
from pipeline.marker import NOWHERE, Marker, OutputPosition
from pipeline.origin import HEADER, Highest, Origin, header_in
from pipeline.ports import Writer
from pipeline.records import Acknowledged, Deliveries, InRecord, OutRecord, Target, Written

_UNKNOWN = -1
_MOST_AHEAD = 50_000
"""So many records are remembered that a stage has yet to come to; what is behind them is not."""


class Acknowledging(Protocol):
    """Who writes; the real one is `pipeline.kafka.outputs.Outputs`."""

    async def write(self, deliveries: Deliveries) -> Acknowledged:
        """Return when all are acknowledged, and under which offsets."""
        ...

    async def topic_id(self, topic: str) -> str:
        """The id that a topic has now. Raises InfrastructureError."""
        ...

    async def close(self) -> None:
        """Let go of the producer."""
        ...


class ReadingBack(Protocol):
    """Who reads what was written; the real one is `pipeline.kafka.reading_back`."""

    async def end(self, partition: int) -> int:
        """The next offset to be written."""
        ...

    async def read(self, partition: int, offset: int, end: int) -> tuple[Sequence[InRecord], int]:
        """Some records from an offset on and before `end`, and where to read next.

        Begins at the first record that is there, where Kafka has deleted others.
        """
        ...

    async def release(self, partition: int) -> None:
        """Nothing more is to be read for now."""
        ...

    async def close(self) -> None:
        """Let go of every client."""
        ...


@dataclass(slots=True)
class _Output:
    """What is known of an output partition: all before `next`, of what there is up to `end`.

    `first` holds, by source offset, records that count and are not behind the marker, each with
    its offset; `unsettled` those of ours that are known to be first, until the marker is written.
    """

    topic_id: str
    next: int
    end: int
    seen: Highest
    first: dict[bytes, tuple[int, OutRecord]] = field(default_factory=dict)
    unsettled: list[OutRecord] = field(default_factory=list)

    @property
    def is_read(self) -> bool:
        return self.end == self.next

    def is_found(self, key: bytes) -> bool:
        """Whether the record is known that counts, or that none will be."""
        return key in self.first or self.seen.covers(Origin.decode(key))

    def take(self, offset: int, record: OutRecord) -> None:
        """Look at the record at an offset."""
        key = header_in(record.headers, HEADER)
        try:
            origin = Origin.decode(key or b"")
        except ValueError:
            return  # not ours: no reader takes it for a copy of anything
        if self.seen.admit(origin):
            self.first[origin.encode()] = (offset, record)

    def remember_unsettled(self) -> None:
        """Know ours as what has been read is known."""
        for record in self.unsettled:
            self.take(self.next - 1, record)
        self.unsettled.clear()


class Delivering(Protocol):
    """How a stage's outputs of one partition after the other are delivered."""

    async def begin(self, partition: int, marker: Marker) -> None:
        """Go on behind a marker. Raises InfrastructureError."""
        ...

    async def deliver(self, deliveries: Deliveries) -> Mapping[bytes, OutRecord]:
        """Return when all is there; by source offset, what counts in place of what was given."""
        ...

    def written(self, partition: int, highest: Highest) -> OutputPosition:
        """Before which position nothing stands that is not covered by `highest`."""
        ...

    def settle(self, partition: int, highest: Highest) -> None:
        """The marker is written: what it covers need not be known any more."""
        ...

    async def close(self) -> None:
        """Let go of every client."""
        ...


class EveryRecord:
    """For outputs that come out the same whenever they are made."""

    def __init__(self, outputs: Writer) -> None:
        self._outputs = outputs

    async def begin(self, partition: int, marker: Marker) -> None:
        """Nothing to know."""

    async def deliver(self, deliveries: Deliveries) -> Mapping[bytes, OutRecord]:
        """Return when all is there; it counts as it is."""
        await self._outputs.deliver(deliveries)
        return {}

    def written(self, partition: int, highest: Highest) -> OutputPosition:  # noqa: ARG002 - as Delivering
        """Nobody asks for it."""
        return NOWHERE

    def settle(self, partition: int, highest: Highest) -> None:
        """Nothing to forget."""

    async def close(self) -> None:
        """Let go of the producer."""
        await self._outputs.close()


class FirstRecords:
    """Delivers a stage's outputs, of which those to `topic` count once."""

    def __init__(self, topic: str, outputs: Acknowledging, reading: ReadingBack) -> None:
        self._topic = topic
        self._outputs = outputs
        self._reading = reading
        self._partitions: dict[int, _Output] = {}

    async def begin(self, partition: int, marker: Marker) -> None:
        """Go on behind a marker; what it says of another topic of that name counts for nothing."""
        topic_id = await self._outputs.topic_id(self._topic)
        written = marker.written.offset if marker.written.topic_id == topic_id else 0
        output = _Output(topic_id, written, written, marker.highest.copy())
        self._partitions[partition] = output

    async def deliver(self, deliveries: Deliveries) -> Mapping[bytes, OutRecord]:
        """Deliver what the topic does not hold yet; to be repeated after InfrastructureError.

        Returns, by source offset, what it holds in place of what was to be delivered.
        """
        target = next((one for one in deliveries if one.topic == self._topic), None)
        if target is None:
            await self._outputs.write(deliveries)
            return {}
        output = self._partitions[target.partition]
        output.remember_unsettled()
        ours = deliveries[target]
        missing = await self._missing(target.partition, output, ours)
        try:
            acknowledged = await self._outputs.write({**deliveries, target: missing})
        except InfrastructureError:
            output.end = _UNKNOWN  # some of it may be there
            raise
        await self._note(target, output, missing, acknowledged.get(target, ()))
        return _others(output, ours)

    def written(self, partition: int, highest: Highest) -> OutputPosition:
        """Before which position nothing stands that is not covered by `highest`."""
        output = self._partitions[partition]
        ahead = (
            offset
            for key, (offset, _) in output.first.items()
            if not highest.covers(Origin.decode(key))
        )
        return OutputPosition(output.topic_id, min(ahead, default=output.next))

    def settle(self, partition: int, highest: Highest) -> None:
        """The marker is written: what it covers need not be known any more."""
        output = self._partitions[partition]
        output.unsettled.clear()
        output.seen.join(highest)
        output.first = {
            key: one for key, one in output.first.items() if not highest.covers(Origin.decode(key))
        }

    async def close(self) -> None:
        """Let go of the producer, and of what reads."""
        await self._reading.close()
        await self._outputs.close()

    async def _missing(
        self, partition: int, output: _Output, ours: Sequence[OutRecord]
    ) -> Sequence[OutRecord]:
        if output.is_read and not output.first:
            return ours
        await self._look(partition, output, ours)
        return [record for record in ours if _key(record) not in output.first]

    async def _note(
        self,
        target: Target,
        output: _Output,
        missing: Sequence[OutRecord],
        acknowledged: Iterable[Written],
    ) -> None:
        """Find out which records of ours are the first ones of their source offset."""
        done = 0
        for written in acknowledged:
            if 0 <= written.offset < output.next:
                await self._begin_anew(output)
            if output.is_read and written.offset == output.next:
                output.next = output.end = written.offset + written.records
                output.unsettled += missing[done : done + written.records]
            else:
                _fall_behind(output, written)
            done += written.records
        if output.is_read:
            return
        await self._look(target.partition, output, missing)
        for record in missing:
            output.first.setdefault(_key(record), (output.next - 1, record))

    async def _begin_anew(self, output: _Output) -> None:
        """The topic was made again."""
        output.remember_unsettled()
        output.topic_id, output.next = await self._outputs.topic_id(self._topic), 0

    async def _look(self, partition: int, output: _Output, ours: Iterable[OutRecord]) -> None:
        """Read on until of each of these it is known what counts, or all has been read."""
        if output.end == _UNKNOWN:
            output.end = await self._reading.end(partition)
            if output.end < output.next:
                await self._begin_anew(output)
        wanted = [_key(record) for record in ours]
        while output.next < output.end and not all(map(output.is_found, wanted)):
            if len(output.first) > _MOST_AHEAD:
                return
            records, after = await self._reading.read(partition, output.next, output.end)
            for record in records:
                output.take(record.offset, OutRecord(record.key, record.value, record.headers))
            output.next = after
        if output.is_read:
            await self._reading.release(partition)


def _fall_behind(output: _Output, written: Written) -> None:
    """Others have written as well, or it is not known where ours stand."""
    output.remember_unsettled()
    if _UNKNOWN in {written.offset, output.end}:
        output.end = _UNKNOWN
        return
    output.end = max(output.end, written.offset + written.records)


def _others(output: _Output, ours: Sequence[OutRecord]) -> dict[bytes, OutRecord]:
    if not output.first:
        return {}
    counting = ((record, output.first.get(_key(record))) for record in ours)
    return {_key(mine): one[1] for mine, one in counting if one and one[1] is not mine}


def _key(record: OutRecord) -> bytes:
    return header_in(record.headers, HEADER) or b""
