"""What is read of one partition but not yet in a file, and when it must become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from aiokafka.structs import ConsumerRecord

from inference_logger.position import Position
from pipeline.kafka.feed import Batch
from pipeline.settings import LoggerSettings

_DAY = 86_400_000  # milliseconds
_RECORD_BYTES = 700  # what Python needs for a record, its headers and numbers, besides its value


@dataclass(slots=True)
class Held:
    """Records of one partition after `position`, oldest first."""

    position: Position
    next_offset: int = field(init=False)
    records: list[ConsumerRecord] = field(default_factory=list)
    bytes: int = 0
    since: float = 0.0  # monotonic seconds: when the oldest came, or the last file was written
    latest: Batch | None = None  # the last batch, without its records

    def __post_init__(self) -> None:
        self.next_offset = self.position.next_offset

    def take(self, batch: Batch, now: float) -> None:
        """Hold the records of the next batch as well."""
        if not self.records:
            self.since = now
        self.records.extend(batch.records)
        self.bytes += _bytes(batch.records)
        self.next_offset = batch.next_offset
        self.latest = replace(batch, records=())

    def due(self, limits: LoggerSettings, now: float) -> bool:
        """Whether there is a file to be written now: by rows, by age, at a date boundary."""
        return bool(self.records) and (
            len(self.records) >= limits.rows
            or now - self.since >= limits.seconds
            or _day(self.records[0]) != _day(self.records[-1])
        )

    def front(self, rows: int) -> Sequence[ConsumerRecord]:
        """What goes into the next file: the oldest records of one date, at most `rows`."""
        midnight = _day(self.records[0]) * _DAY
        following = midnight + _DAY
        oldest = self.records[:rows]
        for index, record in enumerate(oldest):
            if not midnight <= record.timestamp < following:
                return oldest[:index]
        return oldest

    def wrote(self, count: int, position: Position, now: float) -> None:
        """The oldest `count` records are in a file, up to `position`."""
        del self.records[:count]
        self.bytes = _bytes(self.records)
        self.position = position
        self.since = now


def date_of(record: ConsumerRecord) -> str:
    """The UTC date, as YYYY-MM-DD, of a record's append time."""
    return datetime.fromtimestamp(_day(record) * _DAY / 1000, UTC).strftime("%Y-%m-%d")


def _day(record: ConsumerRecord) -> int:
    return int(record.timestamp // _DAY)


def _bytes(records: Sequence[ConsumerRecord]) -> int:
    values = sum(len(record.value) for record in records if record.value is not None)
    return values + _RECORD_BYTES * len(records)
