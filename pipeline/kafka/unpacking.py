"""Makes aiokafka hand records over as `InRecord`.

Its own record has eleven fields, six of which nobody here reads, in a frozen dataclass: making it
takes a sixth of the handler's time. It has no setting for another, so we replace its unpacker.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher

from pipeline.records import InRecord


class _Unpacking(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka ships no types
    """The records of one fetched partition."""

    def __iter__(self) -> Iterator[InRecord]:
        """All at once go without a call of `__next__` for each."""
        return iter(self._records_iterator)

    def _consumer_record(self, tp: TopicPartition, record: Any) -> InRecord:
        """The overridden method's; there are no deserialisers in our consumers."""
        return InRecord(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            tuple(record.headers),
        )


def unpack_into_ours() -> None:
    """Whatever this process reads by aiokafka from now on comes as `InRecord`."""
    fetcher.PartitionRecords = _Unpacking
