"""The edge to Parquet: files that follow each other become one, sorted by entity and event time.

They are held until they are as big as a file may be: that bounds the memory, at about three times
the size. So each new file begins at the offset where the one before it ends, as all files do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import Fatal, Refusal
from pipeline.parquet.files import compacted_name, start_of
from pipeline.parquet.format import Footer, write

_ROWS_IN_GROUP = 131_072  # what a reader of few entities has to read at least


@dataclass(frozen=True, slots=True)
class Content:
    """A file that was read: the offset it begins at, its footer and its rows."""

    start: int
    footer: Footer
    table: pa.Table

    @classmethod
    def read(cls, path: Path) -> Content:
        """Read a whole file. Raises OSError, and Refusal where it is damaged."""
        try:
            with pq.ParquetFile(path) as file:
                footer = Footer.of(file.schema_arrow, path)
                return cls(start_of(path), footer, file.read().replace_schema_metadata())
        except (ValueError, pa.ArrowException) as error:
            raise Refusal(f"{path} cannot be read", "Restore it from a copy") from error

    def precedes(self, other: Content) -> bool:
        """Whether both may be in one file: without a gap, of one topic, of the same columns."""
        return (
            other.start == self.footer.last + 1
            and other.footer.topic_id == self.footer.topic_id
            and bool(other.table.schema.equals(self.table.schema))
        )


@dataclass(frozen=True, slots=True)
class Merger:
    """Makes files of at most so many bytes in memory, their rows by `entity` if they have it."""

    entity: str
    most_bytes: int

    def merge(self, paths: Iterable[Path], into: Path) -> None:
        """Write what the files of one partition hold, given in log order, to the directory `into`.

        Blocks. Raises OSError, and Refusal where a file is damaged.
        """
        for run in self._runs(map(Content.read, paths)):
            self._write(run, into)
            run.clear()  # or it would stay in memory while the next one is read

    def _runs(self, contents: Iterator[Content]) -> Iterator[list[Content]]:
        held: list[Content] = []
        size = 0
        for one in contents:
            size += one.table.nbytes
            if held and (size > self.most_bytes or not held[-1].precedes(one)):
                yield held
                held, size = [], one.table.nbytes
            held.append(one)
        if held:
            yield held

    def _write(self, run: Sequence[Content], into: Path) -> None:
        first, last = run[0], run[-1].footer
        footer = replace(last, first=first.footer.first, compacted=True)
        table = pa.concat_tables([one.table for one in run])
        wanted = (self.entity, "event_time", "offset")
        order = [(name, "ascending") for name in wanted if name in table.column_names]
        ordered = table.sort_by(order).replace_schema_metadata(footer.encode())
        path = into / compacted_name(last.partition, first.start, last.last)
        with path.open("xb") as sink:
            sorting = pq.SortingColumn.from_ordering(ordered.schema, order)
            write(ordered, sink, row_group_size=_ROWS_IN_GROUP, sorting_columns=sorting)
            sink.flush()
            os.fsync(sink.fileno())
        _refuse_unless_written(path, ordered)


def _refuse_unless_written(path: Path, table: pa.Table) -> None:
    """Read the offsets back, before anything is removed. Raises Fatal."""
    written = pq.read_table(path, columns=["offset"], partitioning=None)
    if not written["offset"].equals(table["offset"]):
        raise Fatal(f"{path} does not hold what was written to it")
