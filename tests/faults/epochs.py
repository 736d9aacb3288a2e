"""Topics over several epochs as one, for the invariants: made again, or with more partitions."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.partitioner import partition_of
from tests.faults.logs import Logs, Record, Topic


def over_epochs(before: Logs, now: Logs) -> Logs:
    """Each topic's records of older epochs on the partitions of today, then those that came since.

    `before` is all that there was when the newest epoch began.
    """
    return {name: _joined(before[name], topic) for name, topic in now.items()}


def _joined(before: Topic, now: Topic) -> Topic:
    partitions = {
        number: [*_belonging(before, number, len(now.partitions)), *_since(before, now, number)]
        for number in now.partitions
    }
    return Topic(now.name, now.id, partitions)


def _belonging(before: Topic, number: int, partitions: int) -> Iterator[Record]:
    """What is about entities of a partition of today, and what is about none of them."""
    count = len(before.partitions)
    for record in before.partitions[number % count]:
        mine = record.key is None or partition_of(record.key, partitions) == number
        if mine or count == partitions:
            yield _pinned(before.id, record)


def _since(before: Topic, now: Topic, number: int) -> Iterator[Record]:
    earlier = before.partitions.get(number, ())
    end = earlier[-1].offset if earlier and before.id == now.id else -1
    return (record for record in now.partitions[number] if record.offset > end)


def _pinned(topic_id: str, record: Record) -> Record:
    """With its own place as its origin, where it carries none: its topic may have changed."""
    if record.header("origin") is not None:
        return record
    own = f"{topic_id}/{record.partition}/{record.offset}/0".encode()
    return record._replace(headers=(*record.headers, ("origin", own)))
