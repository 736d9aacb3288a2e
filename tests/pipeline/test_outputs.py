"""Writing to the real Kafka: in order, acknowledged, whole, and well again after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer

from embedded.ports import free_port
from pipeline.errors import Fatal, InfrastructureError
from pipeline.kafka.outputs import Outputs
from pipeline.origin import HEADER, Origin
from pipeline.records import OutRecord, Target
from pipeline.settings import KafkaSettings
from tests.support.kafka import Cluster, values_of


@pytest.fixture
def cluster(kafka: str) -> Cluster:
    return Cluster(kafka)


@pytest.fixture
async def outputs(kafka: str) -> AsyncIterator[Outputs]:
    found = Outputs(KafkaSettings(kafka))
    await found.start()
    yield found
    await found.close()


def numbered(count: int, size: int = 100, start: int = 0) -> list[OutRecord]:
    return [record(n, b"%06d" % n + b"x" * size) for n in range(start, start + count)]


def record(offset: int, value: bytes | None, key: bytes | None = b"k") -> OutRecord:
    return OutRecord(key, value, ((HEADER, Origin("source", 0, offset).encode()),))


async def test_order_is_kept_per_partition_over_many_batches(
    cluster: Cluster, outputs: Outputs, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", partitions=3)
    sent = {number: numbered(2000, size=300, start=10_000 * number) for number in range(3)}
    await outputs.deliver({Target(topic, number): sent[number] for number in range(3)})
    stored = cluster.read(topic)
    assert {n: [one.out for one in found] for n, found in stored.items()} == sent


async def test_one_delivery_comes_after_the_other(
    cluster: Cluster, outputs: Outputs, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t")
    for start in range(0, 50, 10):
        await outputs.deliver({Target(topic, 0): numbered(10, start=start)})
    assert [one.out for one in cluster.read(topic)[0]] == numbered(50)


async def test_null_keys_and_values_and_all_headers_survive(
    cluster: Cluster, outputs: Outputs, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t")
    sent = [
        OutRecord(None, b"v"),
        OutRecord(b"k", None),
        OutRecord(None, None, (("a", b"1"), ("a", b"2"), ("b", b""))),
        OutRecord(b"", b""),
    ]
    await outputs.deliver({Target(topic, 0): sent})
    assert [one.out for one in cluster.read(topic)[0]] == sent


@pytest.mark.parametrize("codec", ["none", "gzip", "lz4", "zstd"])
async def test_every_compression_is_readable(
    kafka: str, cluster: Cluster, topic_prefix: str, codec: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t")
    outputs = Outputs(KafkaSettings(kafka, compression=codec))
    await outputs.deliver({Target(topic, 0): numbered(100)})
    await outputs.close()
    assert await read_by_aiokafka(kafka, topic, 100) == [one.value for one in numbered(100)]


async def read_by_aiokafka(kafka: str, topic: str, count: int) -> list[bytes]:
    """The values of a partition; kafka-python reads neither lz4 nor zstd without more libraries."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_deliveries_without_records_need_no_broker() -> None:
    await Outputs(KafkaSettings("127.0.0.1:1")).deliver({})


async def test_a_record_that_is_too_large_is_fatal_and_named(
    cluster: Cluster, outputs: Outputs, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", configs={"max.message.bytes": "10000"})
    large = [record(41, b"x" * 20_000)]
    with pytest.raises(Fatal, match=f"origin source/0/41/0.*{topic}, partition 0"):
        await outputs.deliver({Target(topic, 0): large})


async def test_after_a_refused_record_nothing_later_is_sent(
    cluster: Cluster, outputs: Outputs, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", configs={"max.message.bytes": "300000"})
    sent = [*numbered(5, size=100_000), record(5, b"x" * 400_000), *numbered(50, start=6)]
    with pytest.raises(Fatal):
        await outputs.deliver({Target(topic, 0): sent})
    stored = values_of(cluster.read(topic)[0])
    assert stored == values_of_records(sent[: len(stored)])
    assert len(stored) <= 5


async def test_after_a_refused_first_record_nothing_is_sent(
    cluster: Cluster, outputs: Outputs, topic_prefix: str
) -> None:
    """The broker takes any sequence number of a producer that it does not know yet."""
    topic = cluster.create(f"{topic_prefix}t", configs={"max.message.bytes": "300000"})
    sent = [record(0, b"x" * 400_000), *numbered(5, size=100_000, start=1)]
    with pytest.raises(Fatal):
        await outputs.deliver({Target(topic, 0): sent})
    assert cluster.read(topic)[0] == []


def values_of_records(records: list[OutRecord]) -> list[bytes | None]:
    return [one.value for one in records]


async def test_after_a_failure_a_new_producer_delivers_the_same_again(
    cluster: Cluster, outputs: Outputs, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", partitions=2)
    await outputs.deliver({Target(topic, 0): numbered(10)})
    cluster.configure(topic, "max.message.bytes", "10000")
    later = {
        Target(topic, 0): numbered(3, size=20_000, start=10),
        Target(topic, 1): numbered(3, start=20),
    }
    with pytest.raises(Fatal):
        await outputs.deliver(later)
    cluster.configure(topic, "max.message.bytes", "1048588")
    await outputs.deliver(later)
    stored = cluster.read(topic)
    assert [one.out for one in stored[0]] == numbered(10) + numbered(3, size=20_000, start=10)
    assert [one.out for one in stored[1]][-3:] == numbered(3, start=20)


@pytest.mark.slow
async def test_a_topic_that_does_not_exist_does_not_block_for_ever(outputs: Outputs) -> None:
    with pytest.raises((Fatal, InfrastructureError)):
        await asyncio.wait_for(outputs.deliver({Target("no-such-topic", 0): numbered(1)}), 60)


async def test_without_a_broker_starting_is_an_outage() -> None:
    outputs = Outputs(KafkaSettings(f"127.0.0.1:{free_port()}"))
    with pytest.raises(InfrastructureError, match="no producer"):
        await outputs.start()
    await asyncio.wait_for(outputs.close(), 10)
