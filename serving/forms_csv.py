"""Scores a table of requests in CSV, row by row in its order, in bounded memory.

Columns may stand in any order; those that are no fields are kept. A row that cannot be scored has
its error, and stops no other.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline.declaration.form_reading import FormError, Problem, Row
from pipeline.errors import DataError
from serving.forms import FormScorer

PREDICTION, PROBABILITY, ERROR = OURS = ("Prediction", "probability", "error")
"""The columns that are added; those of the same names that come in are replaced."""

_ROW = "row"
_CHUNK = 1_000  # rows that are scored at once
_DIGITS = 6
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are the wide ones
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CsvLimits:
    """The most that a table may have: rows and columns; of a cell characters.

    `name` is of one column's name, `header` of all together; `row` is the bytes of a whole row.
    """

    rows: int = 1_000_000
    columns: int = 200
    cell: int = 4_096
    name: int = 256
    header: int = 8 * 1024
    row: int = 64 * 1024


LIMITS = CsvLimits()


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row, counted from 1, with all its cells, and a decision and probability or an error."""

    number: int
    cells: Sequence[str]
    decision: str = ""
    probability: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Read:
    """A row that was read, not scored yet: its inputs, or why there are none."""

    number: int
    cells: Sequence[str]
    inputs: Row | None
    error: str


class _TooLong(csv.Error):
    """A row has too many characters; the reader begins anew with the next line."""


class _Lines:
    """The lines as text; none is decoded, and no row gets more of them, than a row may have."""

    def __init__(self, lines: Iterable[bytes], most: int) -> None:
        self._lines = iter(lines)
        self._most = most
        self._size = 0
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode

    def begin_row(self) -> None:
        """What comes now is another row's."""
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self._decode(b"", final=True)
            raise StopIteration
        self._size += len(line)
        if self._size > self._most:
            self._skip_from(line)
            raise _TooLong
        return self._decode(line)

    def _skip_from(self, piece: bytes) -> None:
        """Whatever is left of a line that comes in pieces."""
        while piece and not piece.endswith(b"\n"):
            piece = next(self._lines, b"")


class CsvTable:
    """A table as it comes in: its header is read at once, its rows as they are iterated, once.

    Iterating computes, and raises DataError where the table ends to be one: `not_utf8`, or
    `too_many_rows`.
    """

    def __init__(
        self, scorer: FormScorer, lines: Iterable[bytes], limits: CsvLimits = LIMITS
    ) -> None:
        """Takes the lines of a file; one that is too long may come in pieces.

        Raises DataError, naming columns, for a header of others.
        """
        self._scorer = scorer
        self._limits = limits
        self._lines = _Lines(lines, limits.row)
        self._reader = csv.reader(self._lines)
        self.header = self._header()
        self._places = [self.header.index(name) for name in scorer.form.names]
        self._further = [
            (place, name)
            for place, name in enumerate(self.header)
            if place not in self._places and name not in (*OURS, _ROW)
        ]

    def __iter__(self) -> Iterator[ScoredRow]:
        """The rows in their order."""
        read = self._read()
        while chunk := list(islice(read, _CHUNK)):
            yield from self._scored(chunk)

    def further(self, row: ScoredRow) -> Mapping[str, str]:
        """What a row has in columns that are neither fields nor ours."""
        return {name: row.cells[place] for place, name in self._further if place < len(row.cells)}

    def _header(self) -> tuple[str, ...]:
        try:
            names = [name.strip() for name in next(self._reader, [])]
        except UnicodeDecodeError:
            raise DataError("not_utf8") from None
        except _TooLong:
            raise self._header_too_long() from None
        except csv.Error:
            raise DataError("not_csv", "the header") from None
        sizes = [len(name) for name in names]
        if sum(sizes) > self._limits.header or max(sizes, default=0) > self._limits.name:
            raise self._header_too_long()
        if len(names) > self._limits.columns:
            raise DataError("too_many_columns", f"{self._limits.columns:,} at most")
        missing = [name for name in self._scorer.form.names if name not in names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if missing or twice:
            raise FormError(
                tuple(Problem(name, "is missing") for name in missing)
                + tuple(Problem(name, "stands twice") for name in twice)
            )
        return tuple(names)

    def _header_too_long(self) -> DataError:
        most = f"{self._limits.header:,} characters at most, {self._limits.name:,} of a column"
        return DataError("header_too_long", most)

    def _read(self) -> Iterator[_Read]:
        for number, (cells, error) in enumerate(self._cells(), start=1):
            if number > self._limits.rows:
                raise DataError("too_many_rows", f"{self._limits.rows:,} at most")
            yield self._row(number, cells) if not error else _Read(number, cells, None, error)

    def _cells(self) -> Iterator[tuple[list[str], str]]:
        """The cells of each row that is not empty, or why it has none."""
        while True:
            self._lines.begin_row()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except UnicodeDecodeError:
                raise DataError("not_utf8") from None
            except _TooLong:
                yield [], f"has more than {self._limits.row:,} bytes"
            except csv.Error:
                yield [], "is no row of CSV"
            else:
                if cells:
                    yield cells, ""

    def _row(self, number: int, cells: list[str]) -> _Read:
        if len(cells) != len(self.header):
            return _Read(number, cells, None, f"has {len(cells)} cells, not {len(self.header)}")
        if max(map(len, cells)) > self._limits.cell:
            kept = [cell if len(cell) <= self._limits.cell else "" for cell in cells]
            most = f"{self._limits.cell:,} characters"
            return _Read(number, kept, None, f"has a cell of more than {most}")
        named = {self.header[place]: cells[place] for place in self._places}
        try:
            return _Read(number, cells, self._scorer.decode_cells(named), "")
        except FormError as error:
            return _Read(number, cells, None, error.detail)

    def _scored(self, chunk: Sequence[_Read]) -> Iterator[ScoredRow]:
        rows = [one.inputs for one in chunk if one.inputs is not None]
        probabilities = iter(self._scorer.score(rows).tolist())
        for one in chunk:
            if one.inputs is None:
                yield ScoredRow(one.number, one.cells, error=one.error)
            else:
                probability = next(probabilities)
                decision = self._scorer.decide(probability)
                yield ScoredRow(one.number, one.cells, decision, probability)


def predictions(table: CsvTable) -> Iterator[dict[str, Any]]:
    """Each row as an object: `row`, the further columns, and `Prediction` or `error`."""
    for row in table:
        said = {ERROR: row.error} if row.error else {PREDICTION: row.decision}
        yield {_ROW: row.number, **table.further(row), **said}


def csv_lines(table: CsvTable) -> Iterator[str]:
    """The table in CSV with our columns behind its own; no cell of it begins a formula.

    A text that would, has an apostrophe before it.
    """
    kept = [place for place, name in enumerate(table.header) if name not in OURS]
    line = io.StringIO()
    write = csv.writer(line, lineterminator="\r\n").writerow
    write([_harmless(table.header[place]) for place in kept] + [*OURS])
    for row in table:
        cells = [_harmless(row.cells[place]) if place < len(row.cells) else "" for place in kept]
        probability = "" if row.probability is None else f"{row.probability:.{_DIGITS}f}"
        write([*cells, row.decision, probability, row.error])
        yield _taken(line)
    yield _taken(line)


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text


def _harmless(cell: str) -> str:
    begins = cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA)
    return f"'{cell}" if begins and not _PLAIN_NUMBER.fullmatch(cell) else cell
