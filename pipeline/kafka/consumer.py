"""One consumer of aiokafka's, and the ids that its topics had when it began.

The ids hold for the consumer's whole life: where a topic is made again, another consumer takes
over, and whatever the first one had fetched or was about to fetch goes with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest

from pipeline.errors import InfrastructureError
from pipeline.kafka.closing import close_within
from pipeline.kafka.standstill import Orphans
from pipeline.kafka.topic_ids import Described, describe

_STOP_SECONDS = 1.5
_LEAVE_SECONDS = 5.0
_LOOK_SECONDS = 10.0
_STABLE = "Stable"


@dataclass(frozen=True, slots=True)
class Consumer:
    """Connected, and not yet a member of its group; `described` are the topics that are there."""

    client: AIOKafkaConsumer
    topics: Collection[str]
    described: Mapping[str, Described]

    @classmethod
    async def connect(cls, options: Mapping[str, Any], topics: Collection[str]) -> Consumer:
        """Raises InfrastructureError when Kafka cannot be reached, Refusal for one too old."""
        consumer = AIOKafkaConsumer(**options)
        try:
            await consumer.start()
            client = _connections(consumer)
            described = await describe(client, client.get_random_node(), topics)
        except KafkaError as error:
            await close_within(_STOP_SECONDS, consumer.stop(), "consumer")
            raise InfrastructureError(f"no consumer: {error!r}") from error
        return cls(consumer, topics, described)

    @property
    def topic_ids(self) -> dict[str, str]:
        """Of the topics that are there, by name."""
        return {name: topic.topic_id for name, topic in self.described.items()}

    def join(self, reassigned: Callable[[], None]) -> None:
        """Join the group; `reassigned` is called whenever the assignment changes."""
        self.client.subscribe(list(self.topics), listener=_Marks(reassigned))

    async def stop(self, seconds: float = _STOP_SECONDS) -> None:
        """Let go of the connections, within seconds even when the broker is down."""
        await close_within(seconds, self.client.stop(), "consumer")

    async def leave(self) -> None:
        """As `stop`, and have the group assign its partitions anew.

        A member that comes back under its name takes the assignment that it had, and aiokafka's
        members look for other topics and partitions only while they lead the group.
        """
        coordinator = self.client._coordinator  # noqa: SLF001 - aiokafka has no setting for this
        coordinator._group_instance_id = None  # noqa: SLF001 - else it leaves without a word
        await self.stop(_LEAVE_SECONDS)

    async def unowned(self) -> set[TopicPartition]:
        """The partitions of the topics that no member of the group has; none in a rebalance.

        Raises KafkaError.
        """
        coordinator = self.client._coordinator  # noqa: SLF001 - given out in no other way
        node, group = coordinator.coordinator_id, coordinator.group_id
        if node is None:
            return set()
        answer = await _connections(self.client).send(node, DescribeGroupsRequest([group]))
        ((error, _, state, _, _, members, *_),) = answer.groups
        if error or state != _STABLE:
            return set()
        every = {
            TopicPartition(name, number)
            for name, topic in self.described.items()
            for number in range(topic.partitions)
        }
        return every - {tp for *_, assigned in members for tp in _partitions(assigned)}

    async def is_outdated(self) -> bool:
        """Whether a topic came, went, was made again or got other partitions.

        Raises KafkaError.
        """
        client = _connections(self.client)
        return await describe(client, client.get_random_node(), self.topics) != self.described

    async def bounds(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, tuple[int, int]] | None:
        """The first offset that is there, and the next to be written, of each partition.

        None where one of the topics has another id by now. Offsets are asked for by name, so the
        ids are asked for behind them, of the same brokers. Raises KafkaError.
        """
        topics = {tp.topic for tp in partitions}
        if not topics <= self.described.keys():
            return None
        starts = await self.client.beginning_offsets(partitions)
        ends = await self.client.end_offsets(partitions)
        client = _connections(self.client)
        for node in {client.cluster.leader_for_partition(tp) for tp in partitions}:
            described = await describe(client, node, topics)
            if any(described.get(topic) != self.described[topic] for topic in topics):
                return None
        return {tp: (starts[tp], ends[tp]) for tp in partitions}


def _connections(consumer: AIOKafkaConsumer) -> Any:
    return consumer._client  # noqa: SLF001 - given out in no other way


def _partitions(assigned: bytes) -> Iterable[TopicPartition]:
    return ConsumerProtocolMemberAssignment.decode(assigned).partitions() if assigned else ()


class Watch:
    """Looks now and then at what no fetch would tell of: other topics, and the group's members."""

    def __init__(self, shared_out: Callable[[bool], None]) -> None:
        """`shared_out` is told whether each partition of the topics is some member's."""
        self._shared_out = shared_out
        self._orphans = Orphans()
        self._looked_at = time.monotonic()

    async def is_outdated(self, consumer: Consumer) -> bool:
        """Whether to begin anew. Raises KafkaError, and Fatal where that has not helped."""
        if time.monotonic() - self._looked_at < _LOOK_SECONDS:
            return False
        self._looked_at = time.monotonic()
        orphaned = self._orphans.seen(await consumer.unowned())
        self._shared_out(not self._orphans)
        return orphaned or await consumer.is_outdated()


class _Marks(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Only marks that the assignment changed: what is slow or may fail happens in `poll`."""

    def __init__(self, mark: Callable[[], None]) -> None:
        self._mark = mark

    async def on_partitions_revoked(self, revoked: object) -> None:  # noqa: ARG002 - aiokafka's signature
        self._mark()

    async def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002 - aiokafka's signature
        self._mark()
