"""The values at the end of a topic, by kafka-python: blocking, in no group, committing nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from pipeline.errors import InfrastructureError
from pipeline.kafka.client import kafka_python_options
from pipeline.settings import KafkaSettings

_POLL_MS = 500
_REACH_MS = 10_000


def last_values(
    settings: KafkaSettings, topic: str, partitions: int, count: int
) -> Mapping[int, Collection[bytes]]:
    """The values of the last `count` records of each partition. Raises InfrastructureError."""
    homes = [TopicPartition(topic, number) for number in range(partitions)]
    try:
        consumer = KafkaConsumer(
            enable_auto_commit=False,
            bootstrap_timeout_ms=_REACH_MS,
            **kafka_python_options(settings),
        )
        try:
            return _read(consumer, homes, count)
        finally:
            consumer.close(autocommit=False)
    except KafkaError as error:
        raise InfrastructureError(f"Kafka at {settings.bootstrap}: {error}") from error


def _read(
    consumer: KafkaConsumer, homes: list[TopicPartition], count: int
) -> Mapping[int, Collection[bytes]]:
    consumer.assign(homes)
    starts, ends = consumer.beginning_offsets(homes), consumer.end_offsets(homes)
    for home in homes:
        consumer.seek(home, max(starts[home], ends[home] - count))
    values: dict[int, set[bytes]] = defaultdict(set)
    while any(consumer.position(home) < ends[home] for home in homes):
        for home, records in consumer.poll(timeout_ms=_POLL_MS).items():
            values[home.partition].update(one.value for one in records if one.value is not None)
    return values
