"""Topics made, filled and read by a client that is not the pipeline's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.records import OutRecord

OURS = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}


class Stored(NamedTuple):
    """A record as it is in a partition."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def out(self) -> OutRecord:
        """The record as a stage wrote it."""
        return OutRecord(self.key, self.value, self.headers)


class Cluster:
    """A broker, for a test; all calls block."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def create(
        self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> str:
        """Make a topic; returns its name."""
        options = {
            "num_partitions": partitions,
            "replication_factor": 1,
            "configs": {**OURS, **(configs or {})},
        }
        with self._admin() as admin:
            admin.create_topics({name: options})
            admin.wait_for_topics([name], timeout_ms=60_000)
        return name

    def configure(self, topic: str, key: str, value: str) -> None:
        """Change a topic's configuration."""
        with self._admin() as admin:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {key: value})])

    def repartition(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        with self._admin() as admin:
            admin.create_partitions({topic: partitions})

    def delete(self, topic: str) -> None:
        """Delete a topic; returns when it is gone."""
        with self._admin() as admin:
            admin.delete_topics([topic])
            eventually(lambda: topic not in admin.list_topics())

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Let a partition lose its records before an offset."""
        with self._admin() as admin:
            admin.delete_records({TopicPartition(topic, partition): before})

    def append(self, topic: str, partition: int, records: Iterable[OutRecord]) -> None:
        """Append records in their order."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, max_request_size=8_000_000)
        try:
            sent = [
                producer.send(
                    topic,
                    partition=partition,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                )
                for record in records
            ]
            for future in sent:
                future.get(30)
        finally:
            producer.close()

    def read(self, topic: str) -> dict[int, list[Stored]]:
        """All records of a topic, by partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        try:
            numbers = consumer.partitions_for_topic(topic) or set()
            partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            found: dict[int, list[Stored]] = {tp.partition: [] for tp in partitions}
            while any(consumer.position(tp) < ends[tp] for tp in partitions):
                for tp, records in consumer.poll(timeout_ms=1000).items():
                    found[tp.partition] += [_stored(record) for record in records]
            return found
        finally:
            consumer.close()

    def ends(self, topic: str) -> dict[int, int]:
        """The next offset to be written of each partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        try:
            numbers = consumer.partitions_for_topic(topic) or set()
            ends = consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
            return {tp.partition: end for tp, end in ends.items()}
        finally:
            consumer.close()

    def _admin(self) -> Any:
        return _Closing(KafkaAdminClient(bootstrap_servers=self.bootstrap))


class _Closing:
    """An admin client that is closed at the end."""

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def __enter__(self) -> KafkaAdminClient:
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()


def _stored(record: Any) -> Stored:
    return Stored(record.offset, record.key, record.value, tuple(record.headers))


def values_of(records: Sequence[Stored]) -> list[bytes | None]:
    return [record.value for record in records]


def eventually(fact: Callable[[], object], seconds: float = 30) -> None:
    """Return once `fact` holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s")
        time.sleep(0.02)
