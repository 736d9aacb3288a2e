"""The sink, on a fake producer and on the real Kafka."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
import pytest
from kafka import KafkaConsumer, TopicPartition

from generator.disorder import Disorder
from generator.kafka_sink import KafkaSink, kafka_sink
from generator.pace import FullSpeed
from generator.service import generate
from pipeline.errors import Fatal, InfrastructureError, Refusal
from pipeline.kafka.admin import Admin
from pipeline.partitioner import partition_of
from pipeline.records import Deliveries, OutRecord, Target
from pipeline.settings import KafkaSettings
from pipeline.times import parse_time
from pipeline.topics import Topics
from pipeline.world import SourceRecord, WorldSize
from use_cases.first_day_churn.world import build

PARTITIONS = 5
MOST = 16
WORLD = build(WorldSize(users=50, events=10, seed=11))


class FakeOutputs:
    def __init__(self, failures: list[Exception] | None = None) -> None:
        self.delivered: list[dict[Target, list[OutRecord]]] = []
        self._failures = failures or []

    async def deliver(self, deliveries: Deliveries) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.delivered.append({target: list(records) for target, records in deliveries.items()})


async def no_sleep(_seconds: float) -> None:
    pass


def sink_into(outputs: FakeOutputs) -> KafkaSink:
    return KafkaSink(outputs, "events", PARTITIONS, MOST, no_sleep)


async def test_a_record_goes_to_the_partition_of_its_key() -> None:
    outputs = FakeOutputs()
    records = list(WORLD.events())
    await sink_into(outputs).send(records)
    assert len(outputs.delivered) == 1
    for target, delivered in outputs.delivered[0].items():
        mine = [r for r in records if partition_of(r.key or b"", PARTITIONS) == target.partition]
        assert delivered == [OutRecord(key, value) for key, value in mine]


async def test_a_null_key_and_a_null_value_are_sent_as_they_are() -> None:
    outputs = FakeOutputs()
    await sink_into(outputs).send([SourceRecord(None, None)])
    assert [*outputs.delivered[0].values()] == [[OutRecord(None, None)]]


async def test_a_batch_is_sent_again_while_kafka_fails() -> None:
    outputs = FakeOutputs([InfrastructureError("away"), InfrastructureError("away")])
    await sink_into(outputs).send([SourceRecord(b"key", b"value")])
    assert [*outputs.delivered[0].values()] == [[OutRecord(b"key", b"value")]]


async def test_no_more_of_a_key_are_under_way_than_may_be_sent_again() -> None:
    outputs, most = FakeOutputs([InfrastructureError("away")]), 3
    keys = [b"a", b"b", b"a", None, b"a", b"a", b"b", b"a", b"a", None, None, None, None, b"a"]
    records = [SourceRecord(key, b"%d" % number) for number, key in enumerate(keys)]
    await KafkaSink(outputs, "events", 1, most, no_sleep).send(records)
    pieces = [piece for one in outputs.delivered for piece in one.values()]
    assert [record.value for piece in pieces for record in piece] == [one.value for one in records]
    for piece in pieces:
        assert max(Counter(one.key for one in piece if one.key).values()) <= most
    assert len(pieces) == 3


async def test_a_refusal_for_good_is_not_tried_again() -> None:
    with pytest.raises(Fatal):
        await sink_into(FakeOutputs([Fatal("too large")])).send([SourceRecord(b"key", b"value")])


@pytest.fixture
def topic(kafka: str, topic_prefix: str) -> str:
    topics = Topics(*(f"{topic_prefix}{name}" for name in "abcde"))
    with Admin.connect(KafkaSettings(kafka)) as admin:
        admin.create(topics, PARTITIONS)
    return topics.generated


def read(kafka: str, topic: str) -> Iterator[Any]:
    """The topic's records from its start, read by another client; ends after 30 s of silence."""
    consumer = KafkaConsumer(bootstrap_servers=kafka, consumer_timeout_ms=30_000)
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        yield from consumer
    finally:
        consumer.close()


def stored(kafka: str, topic: str) -> list[tuple[int, bytes, bytes]]:
    """Partition, key and value of all records that are stored."""
    with Admin.connect(KafkaSettings(kafka)) as admin:
        ends = admin.ends([(topic, number) for number in range(PARTITIONS)])
    records = islice(read(kafka, topic), sum(ends.values()))
    return [(record.partition, record.key, record.value) for record in records]


async def test_a_world_is_stored_once_and_in_order_per_user(kafka: str, topic: str) -> None:
    async with kafka_sink(KafkaSettings(kafka), topic, MOST) as sink:
        assert await generate(WORLD.events(), sink, FullSpeed()) == WORLD.total
    found = stored(kafka, topic)
    assert len(found) == WORLD.total
    for number in range(PARTITIONS):
        mine = [r for r in WORLD.events() if partition_of(r.key or b"", PARTITIONS) == number]
        assert [(key, value) for partition, key, value in found if partition == number] == mine


async def test_a_topic_that_does_not_exist_is_refused(kafka: str) -> None:
    with pytest.raises(Refusal, match="does not exist"):
        async with kafka_sink(KafkaSettings(kafka), "no-such-topic", MOST):
            pass


def test_the_command_sends_a_world_and_ends_well(kafka: str, topic: str) -> None:
    arguments = ["--users", "50", "--events", "10", "--seed", "11", "--topic", topic]
    done = run_generator(kafka, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    found = [(key, value) for _, key, value in stored(kafka, topic)]
    assert sorted(found) == sorted((r.key, r.value) for r in WORLD.events())


def test_the_command_sends_some_records_twice_and_some_late(kafka: str, topic: str) -> None:
    arguments = ["--users", "50", "--events", "10", "--seed", "11", "--topic", topic]
    done = run_generator(kafka, *arguments, "--duplicate", "0.2", "--late", "0.2")
    assert done.returncode == 0
    found = [SourceRecord(key, value) for _, key, value in stored(kafka, topic)]
    assert sorted(found) == sorted(Disorder(0.2, 0.2, 11).of(WORLD.events()))
    assert len(found) > len(set(found)) == WORLD.total


def test_the_command_says_in_one_line_what_is_wrong(kafka: str) -> None:
    done = run_generator(kafka, "--malformed", "1.5")
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "share of 1.5" in done.stderr


def test_in_real_time_it_stamps_now_until_it_is_told_to_end(kafka: str, topic: str) -> None:
    options = ["--real-time", "--rate", "200", "--users", "20", "--events", "3", "--topic", topic]
    with subprocess.Popen(COMMAND + options, env=environment(kafka)) as process:
        try:
            records = list(islice(read(kafka, topic), 200))
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()
    late = [r.timestamp - parse_time(orjson.loads(r.value)["event_time"]) // 1000 for r in records]
    assert min(late) >= 0
    assert max(late) < 5_000


COMMAND = [sys.executable, "-m", "generator"]


def environment(kafka: str) -> dict[str, str]:
    return {**os.environ, "PIPELINE_KAFKA": kafka}


def run_generator(kafka: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND + list(arguments),
        env=environment(kafka),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
