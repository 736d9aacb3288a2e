from __future__ import annotations

import json
from contextlib import closing

import pytest
from kafka import KafkaProducer

from pipeline.topics import Topics
from tests.cli.helpers import Run

EVENTS = [b'{"user_id":"u%d","n":%d}' % (number % 5, number) for number in range(20)]


@pytest.fixture
def generated(run: Run, topics: Topics) -> str:
    """The source topic with twenty events."""
    for event in EVENTS:
        run("ingest", "-", stdin=event)
    return topics.generated


@pytest.fixture
def quickly_generated(run: Run, topics: Topics) -> str:
    """The source topic with twenty events that arrived at once."""
    run("ingest", "-", stdin=b"\n".join(EVENTS))
    return topics.generated


def test_the_last_records_come_first(run: Run, generated: str) -> None:
    lines = run("tail", generated, "-n", "3", "--limit", "3").output.splitlines()
    assert [line.split("  ")[-1].encode() for line in lines] == EVENTS[-3:]


def test_all_records_come_from_the_start(run: Run, quickly_generated: str) -> None:
    lines = run("tail", quickly_generated, "--from-start", "--limit", "20").output.splitlines()
    assert sorted(line.split("  ")[-1].encode() for line in lines) == sorted(EVENTS)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_what_a_source_compressed_is_read(run: Run, topics: Topics, kafka: str, codec: str) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka, compression_type=codec)) as producer:
        for event in EVENTS:
            producer.send(topics.generated, event, partition=0)
    ended = run("tail", topics.generated, "--from-start", "--limit", "20")
    assert [line.split("  ")[-1].encode() for line in ended.output.splitlines()] == EVENTS


def test_json_lines_are_one_object_each(run: Run, quickly_generated: str) -> None:
    ended = run("tail", quickly_generated, "--json", "--limit", "2")
    shown = [json.loads(line) for line in ended.output.splitlines()]
    assert all(one["value"]["user_id"] == one["key"] for one in shown)


def test_a_topic_of_the_case_goes_without_its_prefix(run: Run, quickly_generated: str) -> None:
    assert quickly_generated != "generated-events"
    assert run("tail", "generated-events", "--limit", "1").status == 0


@pytest.mark.usefixtures("topics")
def test_a_topic_that_does_not_exist_is_one_line(run: Run) -> None:
    ended = run("tail", "no-such-topic")
    assert ended.status == 1
    assert ended.errors.startswith("pipeline: there is no topic no-such-topic")
