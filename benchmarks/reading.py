"""Reads a topic back, as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from benchmarks.lab import Lab
from pipeline.kafka.client import kafka_python_options

_BATCH = 5_000
_WAIT_MS = 1_000


def records_by_partition(
    lab: Lab, topic: str, starts: Sequence[int] | None = None
) -> list[list[Any]]:
    """What is in each partition now, from its offset in `starts` on, or all of it. Blocks."""
    consumer = KafkaConsumer(**kafka_python_options(lab.settings.kafka))
    try:
        ends = lab.ends(topic)
        places = zip(starts or [0] * len(ends), ends, strict=True)
        return [
            list(_between(consumer, TopicPartition(topic, number), start, end))
            for number, (start, end) in enumerate(places)
        ]
    finally:
        consumer.close()


def _between(consumer: Any, place: TopicPartition, start: int, end: int) -> Iterator[Any]:
    consumer.assign([place])
    consumer.seek(place, start)
    while consumer.position(place) < end:
        yield from consumer.poll(_WAIT_MS, max_records=_BATCH).get(place, ())
