"""Reading behind a gate: a partition is read only from a position that its stage has given.

aiokafka delivers from the committed offset while a rebalance listener still runs, and swallows the
listener's errors. So the listener only marks, and `poll` asks the stage for the position of every
newly assigned partition before it reads a record of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, OffsetOutOfRangeError

from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Commit
from pipeline.kafka.client import aiokafka_options
from pipeline.kafka.connection import break_as_on_asyncio
from pipeline.kafka.consumer import Consumer, Watch
from pipeline.kafka.fetching import AT_ONCE, Fetching
from pipeline.kafka.positions import Log, Positions, refuse_outside
from pipeline.kafka.standstill import Standstill
from pipeline.kafka.unpacking import unpack_into_ours
from pipeline.logs import log
from pipeline.records import InRecord
from pipeline.settings import KafkaSettings

_SESSION_MS = 10_000
_HEARTBEAT_MS = 1_000
_REQUEST_MS = 15_000
_METADATA_MS = 10_000
_TICK_SECONDS = 0.25
_IDLE_SECONDS = 5.0
_HELD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, read from `start` on; `reading` tells its reading from others."""

    topic: str
    topic_id: str
    partition: int
    start: int
    reading: int
    records: Sequence[InRecord]

    @property
    def next_offset(self) -> int:
        """Where reading goes on after this batch."""
        return int(self.records[-1].offset) + 1


class Reader(Protocol):
    """What a stage may ask of whoever feeds it; the real one is `Feed`."""

    def is_current(self, batch: Batch) -> bool:
        """False when the batch was read before a rebalance or a rewind of its partition."""
        ...

    def reposition(self, topic: str, partition: int) -> None:
        """Ask the stage for the position again; batches read before are no longer current."""
        ...

    def reposition_once_confirmed(self, topic: str, partition: int) -> None:
        """The same, but only after the group has confirmed that the partition is still ours."""
        ...

    @property
    def owned(self) -> Sequence[tuple[str, int]]:
        """The partitions that are being read: (topic, partition)."""
        ...

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit next offsets by (topic, partition). Raises InfrastructureError."""
        ...


class Member(NamedTuple):
    """Of which topics, in which group; `instance` is unique there, and stays."""

    topics: Sequence[str]
    group: str
    instance: str


class Feed:
    """A consumer group member whose partitions are read from where `positions` says."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        member: Member,
        positions: Positions,
        max_records: int,
        fetching: Mapping[str, int] = AT_ONCE,
        shared_out: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """`shared_out` is told whether each partition of the topics is some member's."""
        self._watch = Watch(shared_out)
        self._topics = member.topics
        self._topic_ids: Mapping[str, str] = {}
        self._positions = positions
        self._max_records = max_records
        self._next: dict[TopicPartition, int] = {}
        self._readings: dict[TopicPartition, int] = {}
        self._unconfirmed: dict[TopicPartition, int] = {}
        self._held: dict[TopicPartition, float] = {}
        self._passed: dict[TopicPartition, int] = {}
        self._last_reading = 0
        self._assignments = 0
        self._polled_at = time.monotonic()
        self._polling = False
        self._keeper: asyncio.Task[None] | None = None
        self._options = {
            "group_id": member.group,
            "group_instance_id": f"{member.group}-{member.instance}",
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "isolation_level": "read_committed",
            "session_timeout_ms": _SESSION_MS,
            "heartbeat_interval_ms": _HEARTBEAT_MS,
            "request_timeout_ms": _REQUEST_MS,
            "metadata_max_age_ms": _METADATA_MS,
            **fetching,
            **aiokafka_options(settings),
        }
        self._unpacked_bytes = settings.unpacked_bytes
        self._connected: Consumer
        self._consumer: AIOKafkaConsumer
        self._fetching: Fetching
        self._standstill: Standstill

    async def start(self) -> None:
        """Join the group. Raises InfrastructureError when Kafka cannot be reached."""
        unpack_into_ours(self._unpacked_bytes)
        break_as_on_asyncio()
        self._read_by(await Consumer.connect(self._options, self._topics))
        self._keeper = asyncio.create_task(self._keep_alive())

    def _read_by(self, consumer: Consumer) -> None:
        self._reassigned()
        self._topic_ids, self._consumer = consumer.topic_ids, consumer.client
        self._fetching = Fetching(consumer.client, self._next, consumer.topic_ids)
        self._standstill = Standstill(consumer.client, self._topics)
        self._connected = consumer
        consumer.join(self._reassigned)

    async def _is_outdated(self) -> bool:
        return self._fetching.is_outdated or await self._watch.is_outdated(self._connected)

    async def _begin_anew(self) -> None:
        """Read the topics of the ids that they have by now."""
        log.warning("the topics are no longer as they were; joining anew", topics=self._topics)
        await self._positions.flush()
        consumer = await Consumer.connect(self._options, self._topics)
        await self._connected.leave()
        self._read_by(consumer)

    async def stop(self) -> None:
        """Leave, within seconds even when the broker is down."""
        if self._keeper is not None:
            self._keeper.cancel()
        await self._connected.stop()

    @property
    def owned(self) -> list[tuple[str, int]]:
        """The partitions that are being read."""
        return [(tp.topic, tp.partition) for tp in self._next]

    @property
    def held(self) -> list[tuple[str, int]]:
        """The partitions that are ours and not to be read for now."""
        return [(tp.topic, tp.partition) for tp in self._held]

    @property
    def passed(self) -> dict[tuple[str, int], int]:
        """The next offset of partitions where only ends of transactions follow what was polled."""
        return {(tp.topic, tp.partition): offset for tp, offset in self._passed.items()}

    async def poll(self) -> list[Batch]:
        """The next records of all partitions, waiting a moment for them; empty when quiet.

        Raises Refusal from the stage's positions or for an offset that the log has lost, and Fatal
        where reading stands still for no reason outside.
        """
        batches = await self._poll()
        if batches:
            self._standstill.read()
        else:
            await self._standstill.none_read(self._next | self._passed)
        return batches

    async def _poll(self) -> list[Batch]:
        try:
            if await self._is_outdated():
                await self._begin_anew()
            await self._position_new_partitions()
            if not self._next:
                await asyncio.sleep(_TICK_SECONDS)
                return []
            await self._pass_ends_of_transactions()
            return self._batches(await self._get(list(self._next)))
        except OffsetOutOfRangeError as error:
            self._reposition_lost(error.args[0])
            await asyncio.sleep(_TICK_SECONDS)
            return []
        except (KafkaError, InfrastructureError, IllegalStateError) as error:
            log.warning("reading is held up", error=repr(error))
            await asyncio.sleep(_TICK_SECONDS)
            return []

    def is_current(self, batch: Batch) -> bool:
        """False when the batch was read before a rebalance or a rewind of its partition."""
        return self._readings.get(TopicPartition(batch.topic, batch.partition)) == batch.reading

    def reposition(self, topic: str, partition: int) -> None:
        """Ask the stage for the position again; batches read before are no longer current."""
        tp = TopicPartition(topic, partition)
        self._next.pop(tp, None)
        self._readings.pop(tp, None)
        self._passed.pop(tp, None)

    def reposition_once_confirmed(self, topic: str, partition: int) -> None:
        """The same, but only after the group has confirmed that the partition is still ours."""
        tp = TopicPartition(topic, partition)
        if tp in self._next:
            self._unconfirmed[tp] = self._next[tp]
            self.reposition(topic, partition)

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit next offsets by (topic, partition). Raises InfrastructureError."""
        await self.commit_noted({key: Commit(offset) for key, offset in offsets.items()})

    async def commit_noted(self, commits: Mapping[tuple[str, int], Commit]) -> None:
        """Commit next offsets with notes by (topic, partition). Raises InfrastructureError."""
        wanted = {TopicPartition(*key): tuple(one) for key, one in commits.items()}
        mine = {tp: commit for tp, commit in wanted.items() if tp in self._next}
        if not mine:
            return
        try:
            await self._consumer.commit(mine)
        except (KafkaError, IllegalStateError) as error:
            raise InfrastructureError(f"commit: {error!r}") from error

    async def committed(self, topic: str, partition: int) -> Commit | None:
        """What is committed for a partition. Raises InfrastructureError."""
        tp = TopicPartition(topic, partition)
        coordinator = self._consumer._coordinator  # noqa: SLF001 - `committed` drops the note
        try:
            found = (await coordinator.fetch_committed_offsets([tp])).get(tp)
        except KafkaError as error:
            raise InfrastructureError(f"committed offset: {error!r}") from error
        return None if found is None else Commit(found.offset, found.metadata)

    def lags(self) -> dict[tuple[str, int], int]:
        """Records not read yet, by (topic, partition), as of the last fetch."""
        places = self._next | self._passed
        ends = {tp: self._consumer.highwater(tp) for tp in places}
        return {
            (tp.topic, tp.partition): max(end - places[tp], 0)
            for tp, end in ends.items()
            if end is not None
        }

    def _reassigned(self) -> None:
        self._assignments += 1
        self._next.clear()
        self._readings.clear()
        self._unconfirmed.clear()
        self._held.clear()
        self._passed.clear()

    async def _position_new_partitions(self) -> None:
        assignments = self._assignments
        await self._confirm()
        known = self._next.keys() | self._unconfirmed.keys()
        now = time.monotonic()
        new = [
            tp
            for tp in self._consumer.assignment()
            if tp not in known and self._held.get(tp, now) <= now
        ]
        if not new:
            return
        bounds = await self._connected.bounds(new)
        if bounds is None:
            self._fetching.is_outdated = True
            return
        for tp in new:
            place = Log(tp.topic, self._topic_ids[tp.topic], tp.partition, *bounds[tp])
            position = await self._positions.position(place)
            if self._assignments != assignments:
                return
            if position is None:
                self._held[tp] = time.monotonic() + _HELD_SECONDS
            else:
                refuse_outside(place, position, self._remedy)
                self._read_from(tp, position)

    def _reposition_lost(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Ask again where to read what the log does not hold; then it is refused, if it must be.

        A fetch from before our own seek may fail too, and means nothing.
        """
        for tp, offset in offsets.items():
            if self._next.get(tp) == offset:
                self.reposition(tp.topic, tp.partition)

    @property
    def _remedy(self) -> str:
        """For a stage whose position is what its group has committed; others refuse themselves."""
        return (
            f"See what is lost, and set the offsets of the group {self._options['group_id']} with "
            "kafka-consumer-groups --reset-offsets"
        )

    async def _confirm(self) -> None:
        """A commit is refused to a member that the group has replaced, so it confirms us."""
        for tp, offset in list(self._unconfirmed.items()):
            with contextlib.suppress(CommitFailedError):
                await self._consumer.commit({tp: offset})
                self._unconfirmed.pop(tp, None)

    def _read_from(self, tp: TopicPartition, offset: int) -> None:
        self._last_reading += 1
        self._consumer.seek(tp, offset)
        self._next[tp] = offset
        self._readings[tp] = self._last_reading
        self._held.pop(tp, None)
        self._passed.pop(tp, None)

    async def _get(self, ready: list[TopicPartition]) -> dict[TopicPartition, Any]:
        self._polling = True
        self._consumer.resume(*self._consumer.paused())
        try:
            found: dict[TopicPartition, Any] = await self._consumer.getmany(
                *ready, timeout_ms=int(_TICK_SECONDS * 1000), max_records=self._max_records
            )
        finally:
            self._polling = False
            self._polled_at = time.monotonic()
        self._fetching.taken()
        return found

    async def _pass_ends_of_transactions(self) -> None:
        """The end of a transaction takes an offset and is no record."""
        self._passed.clear()
        for tp, offset in list(self._next.items()):
            position = await self._consumer.position(tp)
            if position > offset and self._next.get(tp) == offset:
                self._passed[tp] = position

    def _batches(self, found: Mapping[TopicPartition, Any]) -> list[Batch]:
        batches = []
        for tp, records in found.items():
            if not records or tp not in self._next:
                continue
            topic_id, start, reading = self._topic_ids[tp.topic], self._next[tp], self._readings[tp]
            batches.append(Batch(tp.topic, topic_id, tp.partition, start, reading, records))
            self._next[tp] = records[-1].offset + 1
            self._passed.pop(tp, None)
        return batches

    async def _keep_alive(self) -> None:
        """While a batch is stuck, poll with everything paused: the group evicts who does not."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            if self._polling or time.monotonic() - self._polled_at < _IDLE_SECONDS:
                continue
            with contextlib.suppress(KafkaError, IllegalStateError):
                self._consumer.pause(*self._consumer.assignment())
                await self._consumer.getmany(timeout_ms=0)
            self._polled_at = time.monotonic()
