"""One consumer of aiokafka's, and the ids that its topics had when it began.

The ids hold for the consumer's whole life: where a topic is made again, another consumer takes
over, and whatever the first one had fetched or was about to fetch goes with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import InfrastructureError
from pipeline.kafka.topic_ids import ask_topic_ids
from pipeline.logs import log

_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Consumer:
    """Connected, and not yet a member of its group; `topic_ids` of the topics that are there."""

    client: AIOKafkaConsumer
    topics: Collection[str]
    topic_ids: Mapping[str, str]

    @classmethod
    async def connect(cls, options: Mapping[str, Any], topics: Collection[str]) -> Consumer:
        """Raises InfrastructureError when Kafka cannot be reached, Refusal for one too old."""
        consumer = AIOKafkaConsumer(**options)
        try:
            await consumer.start()
            client = consumer._client  # noqa: SLF001 - given out in no other way
            topic_ids = await ask_topic_ids(client, client.get_random_node(), topics)
        except KafkaError as error:
            await consumer.stop()
            raise InfrastructureError(f"no consumer: {error!r}") from error
        return cls(consumer, topics, topic_ids)

    def join(self, reassigned: Callable[[], None]) -> None:
        """Join the group; `reassigned` is called whenever the assignment changes."""
        self.client.subscribe(list(self.topics), listener=_Marks(reassigned))

    async def stop(self) -> None:
        """Let go of the connections, within seconds even when the broker is down."""
        try:
            await asyncio.wait_for(self.client.stop(), _STOP_SECONDS)
        except (KafkaError, TimeoutError) as error:
            log.warning("consumer closed with an error", error=repr(error))

    async def bounds(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, tuple[int, int]] | None:
        """The first offset that is there, and the next to be written, of each partition.

        None where one of the topics has another id by now. Offsets are asked for by name, so the
        ids are asked for behind them, of the same brokers. Raises KafkaError.
        """
        topics = {tp.topic for tp in partitions}
        if not topics <= self.topic_ids.keys():
            return None
        starts = await self.client.beginning_offsets(partitions)
        ends = await self.client.end_offsets(partitions)
        client = self.client._client  # noqa: SLF001 - given out in no other way
        for node in {client.cluster.leader_for_partition(tp) for tp in partitions}:
            ids = await ask_topic_ids(client, node, topics)
            if any(ids.get(topic) != self.topic_ids[topic] for topic in topics):
                return None
        return {tp: (starts[tp], ends[tp]) for tp in partitions}


class _Marks(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Only marks that the assignment changed: what is slow or may fail happens in `poll`."""

    def __init__(self, mark: Callable[[], None]) -> None:
        self._mark = mark

    async def on_partitions_revoked(self, revoked: object) -> None:  # noqa: ARG002 - aiokafka's signature
        self._mark()

    async def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002 - aiokafka's signature
        self._mark()
