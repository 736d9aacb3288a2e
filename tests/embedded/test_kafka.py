"""The embedded Kafka is a real one, and its data outlives it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from embedded.java import bundled_java, java_major
from embedded.kafka import start_kafka
from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from embedded.software import Software


@contextmanager
def broker(software: Software, home: Path, port: int | None = None) -> Iterator[str]:
    server = start_kafka(software, home, home / "kafka.log", port=port)
    try:
        server.wait_until_ready()
        yield server.address
    finally:
        server.stop()


def create(address: str, topic: str, **configs: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=address)
    wanted = NewTopic(topic, num_partitions=1, replication_factor=1, topic_configs=configs)
    admin.create_topics([wanted])
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


def test_a_cluster_s_id_may_begin_with_a_hyphen(
    software: Software, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.kafka.uuid.uuid4", lambda: UUID(bytes=b"\xfb" * 16))
    with broker(software, tmp_path):
        assert "cluster.id=-" in (tmp_path / "data" / "meta.properties").read_text()


def test_a_record_comes_back(kafka: str, topic_prefix: str) -> None:
    create(kafka, topic := topic_prefix + "t")
    produce(kafka, topic, b"hello")
    assert consume(kafka, topic) == [b"hello"]


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_the_broker_itself_compresses(kafka: str, topic_prefix: str, codec: str) -> None:
    create(kafka, topic := topic_prefix + "t", **{"compression.type": codec})
    produce(kafka, topic, b"hello" * 1_000)
    assert consume(kafka, topic) == [b"hello" * 1_000]


def test_a_record_written_under_the_bundled_java_is_there_after_a_stop_and_a_start(
    software: Software, tmp_path: Path
) -> None:
    bundled = replace(software, java=bundled_java())
    home = tmp_path / "with space, comma and é"
    with broker(bundled, home) as address:
        create(address, "t")
        produce(address, "t", b"kept")
    with broker(software, home) as address:
        assert consume(address, "t") == [b"kept"]


def test_a_broker_that_was_killed_comes_back_on_the_same_port_with_its_records(
    software: Software, tmp_path: Path
) -> None:
    first = start_kafka(software, tmp_path, tmp_path / "kafka.log")
    first.wait_until_ready()
    create(first.address, "t")
    produce(first.address, "t", b"kept")
    first.kill()
    with broker(software, tmp_path, int(first.address.rpartition(":")[2])) as address:
        assert address == first.address
        assert consume(address, "t") == [b"kept"]


def test_the_bundled_java_is_new_enough() -> None:
    assert java_major(bundled_java()) >= 17


def test_a_shim_of_a_java_that_is_not_there_does_not_count(tmp_path: Path) -> None:
    shim = tmp_path / "java"
    shim.write_text("#!/bin/sh\nexit 1\n")
    shim.chmod(0o755)
    assert java_major(shim) == 0


def test_a_broker_that_cannot_start_is_refused_with_the_end_of_its_log(
    software: Software, tmp_path: Path
) -> None:
    server = start_kafka(software, tmp_path, tmp_path / "kafka.log", heap="1k")
    with pytest.raises(
        Refusal, match=r"Kafka ended with 1\. Its log .*kafka\.log(\n.*)*maximum heap"
    ):
        server.wait_until_ready()
