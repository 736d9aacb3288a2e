"""The embedded Kafka is a real one, and its directory outlives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

if TYPE_CHECKING:
    pass


def create(address: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()


def produce(address: str, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=address)
    producer.send(topic, value).get(timeout=10)
    producer.close()


def consume(address: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=address, consumer_timeout_ms=10_000)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    values = []
    while consumer.position(partition) < end:
        values.append(next(consumer).value)
    consumer.close()
    return values


def test_a_record_comes_back(kafka: str, topic_prefix: str) -> None:
    create(kafka, topic := topic_prefix + "t")
    produce(kafka, topic, b"hello")
    assert consume(kafka, topic) == [b"hello"]
