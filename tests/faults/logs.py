"""The raw topics, read by a client that is not the pipeline's own."""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition


class Record(NamedTuple):
    """A record as it is stored; `timestamp` in milliseconds."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def header(self, wanted: str) -> bytes | None:
        """The first value of a header."""
        return next((value for name, value in self.headers if name == wanted), None)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's records, by partition and in the order of their offsets."""

    name: str
    id: str
    partitions: Mapping[int, Sequence[Record]]

    def __iter__(self) -> Iterator[Record]:
        return (record for records in self.partitions.values() for record in records)

    def __len__(self) -> int:
        return sum(map(len, self.partitions.values()))

    def after(self, earlier: Topic) -> Topic:
        """The records of an earlier reading, then those that came since."""
        return Topic(
            self.name,
            self.id,
            {
                number: _joined(earlier.partitions.get(number, ()), records)
                for number, records in self.partitions.items()
            },
        )


Logs = Mapping[str, Topic]
"""All topics of a use case, by name."""
NO_LOGS: Logs = MappingProxyType({})


def read_logs(bootstrap: str, names: Sequence[str]) -> Logs:
    """Everything that these topics hold now. Blocks."""
    ids, found = _ids(bootstrap, names), _read(bootstrap, names)
    return {name: Topic(name, ids[name], found[name]) for name in names}


def _joined(earlier: Sequence[Record], later: Sequence[Record]) -> Sequence[Record]:
    end = earlier[-1].offset if earlier else -1
    return [*earlier, *(record for record in later if record.offset > end)]


def _ids(bootstrap: str, names: Sequence[str]) -> dict[str, str]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        described = admin.describe_topics(list(names))
        return {one["name"]: _text_id(str(one["topic_id"])) for one in described}
    finally:
        admin.close()


def _text_id(topic_id: str) -> str:
    return urlsafe_b64encode(uuid.UUID(topic_id).bytes).decode().rstrip("=")


def _read(bootstrap: str, names: Sequence[str]) -> dict[str, dict[int, list[Record]]]:
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=5_000,
        check_crcs=False,  # in Python they take longer than all else
    )
    try:
        places = [
            TopicPartition(name, number)
            for name in names
            for number in sorted(consumer.partitions_for_topic(name) or set())
        ]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: dict[str, dict[int, list[Record]]] = {name: {} for name in names}
        for place in places:
            found[place.topic][place.partition] = []
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(timeout_ms=1_000).items():
                found[place.topic][place.partition] += map(_record, records)
        return found
    finally:
        consumer.close()


def _record(one: Any) -> Record:
    headers = tuple((name, bytes(value)) for name, value in one.headers)
    return Record(one.partition, one.offset, one.timestamp, one.key, one.value, headers)
