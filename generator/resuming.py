"""What of a world is still to be sent, by the values that stand at the end of its topic. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from pipeline.world import SourceRecord

World = Callable[[], Iterator[SourceRecord]]
"""The same records in the same order at each call."""

Partition = Callable[[bytes | None], int]
"""Where a record of this key goes."""


def unsent(
    world: World, partition: Partition, stored: Mapping[int, Collection[bytes]]
) -> Iterator[SourceRecord]:
    """The records behind the last one that is stored, partition by partition, in their order.

    A partition takes its records in their order, so all before the last one are there. What others
    have written to the topic is none of the world's, and changes nothing.
    """
    last = _last(world, partition, stored)
    for number, record in enumerate(world()):
        if number > last.get(partition(record.key), -1):
            yield record


def _last(
    world: World, partition: Partition, stored: Mapping[int, Collection[bytes]]
) -> dict[int, int]:
    """By partition, the number of the last record whose value is stored.

    A value that the world has more than once does not tell which of them is stored.
    """
    numbers: dict[tuple[int, bytes], int | None] = {}
    for number, record in enumerate(world()):
        home = partition(record.key)
        if record.value is not None and record.value in stored.get(home, ()):
            mark = (home, record.value)
            numbers[mark] = None if mark in numbers else number
    last: dict[int, int] = {}
    for (home, _), known in numbers.items():
        if known is not None:
            last[home] = max(known, last.get(home, -1))
    return last
