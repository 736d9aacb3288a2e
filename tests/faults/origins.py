"""The origin rule, written once more: which records of a log have an effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.faults.logs import Record

Highest = dict[tuple[str, int], tuple[int, int, int]]
"""The highest (incarnation, offset, index) by (log, partition) of the first log."""


class Origin(NamedTuple):
    """Which record of the first log caused a record, and which of its outputs it is.

    `log` is a topic id, or a source's `name:incarnation`.
    """

    log: str
    partition: int
    offset: int
    index: int  # type: ignore[assignment] # hides tuple.index, which no one calls here

    def __str__(self) -> str:
        return f"{self.log}/{self.partition}/{self.offset}/{self.index}"


class Effective(NamedTuple):
    """A record that has an effect, and its cause."""

    origin: Origin
    record: Record


def origin_of(topic_id: str, record: Record) -> Origin:
    """What a record carries, or else its own place."""
    carried = record.header("origin")
    if carried is None:
        return Origin(topic_id, record.partition, record.offset, 0)
    source, partition, offset, index = carried.decode().split("/")
    return Origin(source, int(partition), int(offset), int(index))


def is_new(origin: Origin, highest: Highest) -> bool:
    """Whether an origin is above all before it; it is then the highest."""
    name, _, incarnation = origin.log.partition(":")
    source = (name, origin.partition)
    place = (int(incarnation or 0), origin.offset, origin.index)
    if source in highest and place <= highest[source]:
        return False
    highest[source] = place
    return True


def judged(
    topic_id: str, records: Iterable[Record], writer: Callable[[Record], object] = lambda _: None
) -> list[tuple[Origin, Record, bool]]:
    """Each record of a partition with its origin, and whether it is new among its writer's."""
    highest: dict[object, Highest] = {}
    found = []
    for record in records:
        origin = origin_of(topic_id, record)
        found.append((origin, record, is_new(origin, highest.setdefault(writer(record), {}))))
    return found


def effective(
    topic_id: str, records: Iterable[Record], writer: Callable[[Record], object] = lambda _: None
) -> list[Effective]:
    """The records of a partition that are no replays."""
    rows = judged(topic_id, records, writer)
    return [Effective(origin, record) for origin, record, new in rows if new]
