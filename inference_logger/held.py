"""What is read of one partition but not yet in a file: one block for each file to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

import pyarrow as pa

from inference_logger.rows import Rows
from inference_logger.tables import Layout
from pipeline.kafka.feed import Batch
from pipeline.parquet.files import Position
from pipeline.parquet.format import Footer, Origins
from pipeline.records import InRecord
from pipeline.settings import LoggerSettings

_DAY = 86_400_000  # milliseconds
WORTH_A_FILE = 10_000  # rows: about half a megabyte on disk
SOON = 5.0  # seconds
_ROWS_AT_ONCE = 1_024  # become columns together: enough for Arrow, few enough for the cache


@dataclass(slots=True)
class Block:
    """Consecutive records of one partition and one date: the content of one file."""

    layout: Layout
    partition: int
    start: Position
    day: int  # days since 1970-01-01
    since: float  # monotonic seconds
    origins: Origins
    count: int = 0
    first: int = -1
    last: int = -1
    rows: Rows = field(default_factory=Rows)
    tables: list[pa.Table] = field(default_factory=list)
    settled_bytes: int = 0

    def add(self, records: Sequence[InRecord]) -> None:
        """Hold these records as well."""
        own = (self.start.topic_id, self.partition)
        self.origins = self.rows.add(records, self.layout.content, self.origins, own)
        self.first = records[0].offset if self.first < 0 else self.first
        self.last = records[-1].offset
        self.count += len(records)
        if len(self.rows) >= _ROWS_AT_ONCE:
            self._settle()

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""
        return self.rows.bytes + self.settled_bytes

    @property
    def date(self) -> str:
        """YYYY-MM-DD, of the records' append times."""
        return datetime.fromtimestamp(self.day * _DAY / 1000, UTC).strftime("%Y-%m-%d")

    @property
    def footer(self) -> Footer:
        """What the file says of itself."""
        return Footer(self.start.topic_id, self.partition, self.first, self.last, self.origins)

    @property
    def after(self) -> Position:
        """The position once the block is in a file."""
        return Position.after(self.footer)

    def table(self) -> pa.Table:
        """The whole file's table, its footer included."""
        if len(self.rows):
            self._settle()
        table = pa.concat_tables(self.tables)
        return table.replace_schema_metadata(self.footer.encode())

    def _settle(self) -> None:
        table = self.layout.table(self.partition, self.rows)
        self.tables.append(table)
        self.settled_bytes += table.nbytes
        self.rows = Rows()


@dataclass(slots=True)
class Held:
    """The blocks after `position`, oldest first; each but the newest is complete.

    The first file comes soon. A partition that had too little for it waits twice as long for the
    next one, up to the limit.
    """

    layout: Layout
    partition: int
    position: Position
    limits: LoggerSettings
    blocks: list[Block] = field(default_factory=list)
    latest: Batch | None = None  # the last batch, without its records
    next_offset: int = field(init=False)
    patience: float = field(init=False)  # seconds that a file may wait for more
    asked_for: int = 0  # what is before this offset waits no longer

    def __post_init__(self) -> None:
        self.next_offset = self.position.next_offset
        self.patience = min(SOON, self.limits.seconds)

    @property
    def bytes(self) -> int:
        """About how much memory is held."""
        return sum(block.bytes for block in self.blocks)

    def take(self, batch: Batch, now: float) -> None:
        """Hold the records of the next batch as well."""
        for day, records in _by_day(batch.records):
            left = records
            while left:
                block = self._open(day, now)
                most = min(self.limits.rows - block.count, _ROWS_AT_ONCE)
                block.add(left[:most])
                left = left[most:]
        self.next_offset = batch.next_offset
        self.latest = replace(batch, records=())

    def due(self, now: float) -> Block | None:
        """The oldest block, if it must become a file now: full, of a date gone by, or too old."""
        if not self.blocks:
            return None
        oldest = self.blocks[0]
        full = len(self.blocks) > 1 or oldest.count >= self.limits.rows
        age = now - oldest.since
        asked_for = oldest.start.next_offset < self.asked_for
        old = asked_for or age >= self.patience or (age >= SOON and oldest.count >= WORTH_A_FILE)
        return oldest if full or old else None

    def hurry(self) -> None:
        """All that is held must become files now."""
        self.asked_for = self.next_offset

    def wrote(self) -> None:
        """The oldest block is in a file."""
        block = self.blocks.pop(0)
        self.position = block.after
        if block.count < WORTH_A_FILE:
            self.patience = min(2 * self.patience, self.limits.seconds)

    def _open(self, day: int, now: float) -> Block:
        newest = self.blocks[-1] if self.blocks else None
        if newest is not None and newest.day == day and newest.count < self.limits.rows:
            return newest
        start = self.position if newest is None else newest.after
        self.blocks.append(Block(self.layout, self.partition, start, day, now, start.origins))
        return self.blocks[-1]


def _by_day(
    records: Sequence[InRecord],
) -> Iterator[tuple[int, Sequence[InRecord]]]:
    """Runs of records of one date; nearly always there is one."""
    times = [record.timestamp for record in records]
    first, last = min(times) // _DAY, max(times) // _DAY
    if first == last:
        yield first, records
        return
    for day, run in groupby(records, key=lambda record: record.timestamp // _DAY):
        yield day, list(run)
