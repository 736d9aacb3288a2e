"""Reads topics with kafka-python: blocking, in no group, committing nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from cli.endings import Failed
from pipeline.errors import InfrastructureError
from pipeline.kafka.client import kafka_python_options
from pipeline.kafka.reaching import reach
from pipeline.records import InRecord
from pipeline.settings import KafkaSettings

_POLL_MS = 500
_REACH_MS = 10_000


class TopicReader:
    """One topic from any place; use it as `with TopicReader.connect(settings, topic) as reader`."""

    def __init__(self, consumer: KafkaConsumer, topic: str, numbers: set[int]) -> None:
        self._consumer = consumer
        self._partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(self._partitions)

    @classmethod
    @contextlib.contextmanager
    def connect(cls, settings: KafkaSettings, topic: str) -> Iterator[TopicReader]:
        """A reader, closed at the end. Raises as `reach`, and Failed without the topic."""
        reach(settings)
        consumer = None
        try:
            consumer = KafkaConsumer(
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                bootstrap_timeout_ms=_REACH_MS,
                **kafka_python_options(settings),
            )
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise Failed(f"there is no topic {topic}; `pipeline status` lists them")
            yield cls(consumer, topic, numbers)
        except KafkaError as error:
            raise InfrastructureError(f"Kafka at {settings.bootstrap}: {error}") from error
        finally:
            if consumer is not None:
                consumer.close(autocommit=False)

    def starts(self) -> dict[int, int]:
        """The first offset that is still there, by partition."""
        found = self._consumer.beginning_offsets(self._partitions)
        return {tp.partition: offset for tp, offset in found.items()}

    def ends(self) -> dict[int, int]:
        """The next offset to be written, by partition."""
        found = self._consumer.end_offsets(self._partitions)
        return {tp.partition: offset for tp, offset in found.items()}

    def follow(self, offsets: Mapping[int, int]) -> Iterator[InRecord]:
        """All records from these offsets on, for ever."""
        self._seek(offsets)
        while True:
            yield from self._poll()

    def between(self, offsets: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[InRecord]:
        """The records from `offsets` up to `ends`, partition by partition mixed."""
        self._seek(offsets)
        while any(self._consumer.position(tp) < ends[tp.partition] for tp in self._partitions):
            for record in self._poll():
                if record.offset < ends[record.partition]:
                    yield record

    def _seek(self, offsets: Mapping[int, int]) -> None:
        for tp in self._partitions:
            self._consumer.seek(tp, offsets[tp.partition])

    def _poll(self) -> Iterator[InRecord]:
        for records in self._consumer.poll(timeout_ms=_POLL_MS).values():
            for one in records:
                yield InRecord(
                    one.topic,
                    one.partition,
                    one.offset,
                    one.timestamp,
                    one.key,
                    one.value,
                    tuple((name, value or b"") for name, value in one.headers),
                )


def last(starts: Mapping[int, int], ends: Mapping[int, int], count: int) -> dict[int, int]:
    """The offsets from which on at most `count` records of each partition are left."""
    return {number: max(starts[number], ends[number] - count) for number in ends}
