"""Reads topics, blocking, in no group, committing nothing; unpacked no further than workers do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from cli.endings import Failed
from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Admin
from pipeline.kafka.client import aiokafka_options
from pipeline.kafka.unpacking import unpack_into_ours
from pipeline.records import InRecord
from pipeline.settings import KafkaSettings

_POLL_MS = 500


class TopicReader:
    """One topic from any place; use it as `with TopicReader.connect(settings, topic) as reader`."""

    def __init__(
        self,
        runner: asyncio.Runner,
        consumer: AIOKafkaConsumer,
        partitions: Sequence[TopicPartition],
    ) -> None:
        self._runner = runner
        self._consumer = consumer
        self._partitions = partitions

    @classmethod
    @contextlib.contextmanager
    def connect(cls, settings: KafkaSettings, topic: str) -> Iterator[TopicReader]:
        """A reader, closed at the end. Raises InfrastructureError, and Failed without the topic."""
        with Admin.connect(settings) as admin:
            count = admin.partitions((topic,)).get(topic)
        if count is None:
            raise Failed(f"there is no topic {topic}; `pipeline status` lists them")
        unpack_into_ours(settings.unpacked_bytes)
        with asyncio.Runner() as runner:
            try:
                partitions = [TopicPartition(topic, number) for number in range(count)]
                consumer = runner.run(_started(settings, partitions))
                try:
                    yield cls(runner, consumer, partitions)
                finally:
                    runner.run(consumer.stop())
            except KafkaError as error:
                raise InfrastructureError(f"Kafka at {settings.bootstrap}: {error}") from error

    def starts(self) -> dict[int, int]:
        """The first offset that is still there, by partition."""
        found = self._runner.run(self._consumer.beginning_offsets(self._partitions))
        return {tp.partition: offset for tp, offset in found.items()}

    def ends(self) -> dict[int, int]:
        """The next offset to be written, by partition."""
        found = self._runner.run(self._consumer.end_offsets(self._partitions))
        return {tp.partition: offset for tp, offset in found.items()}

    def follow(self, offsets: Mapping[int, int]) -> Iterator[InRecord]:
        """All records from these offsets on, for ever."""
        self._seek(offsets)
        while True:
            yield from self._poll()

    def between(self, offsets: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[InRecord]:
        """The records from `offsets` up to `ends`, partition by partition mixed."""
        self._seek(offsets)
        while self._is_before(ends):
            for record in self._poll():
                if record.offset < ends[record.partition]:
                    yield record

    def _is_before(self, ends: Mapping[int, int]) -> bool:
        return any(
            self._runner.run(self._consumer.position(tp)) < ends[tp.partition]
            for tp in self._partitions
        )

    def _seek(self, offsets: Mapping[int, int]) -> None:
        async def seek() -> None:
            for tp in self._partitions:
                self._consumer.seek(tp, offsets[tp.partition])

        self._runner.run(seek())

    def _poll(self) -> Iterator[InRecord]:
        polled = self._runner.run(self._consumer.getmany(timeout_ms=_POLL_MS))
        for records in polled.values():
            yield from records


async def _started(
    settings: KafkaSettings, partitions: Sequence[TopicPartition]
) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **aiokafka_options(settings),
    )
    try:
        await consumer.start()
        consumer.assign(partitions)
    except BaseException:
        await consumer.stop()
        raise
    return consumer


def last(starts: Mapping[int, int], ends: Mapping[int, int], count: int) -> dict[int, int]:
    """The offsets from which on at most `count` records of each partition are left."""
    return {number: max(starts[number], ends[number] - count) for number in ends}
