"""Cuts what is left of a file into pieces of whole lines, each with the position behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from cli.records.lines import LONGEST, is_json, record_of, too_long
from cli.records.locating import WAY_OUT, Place
from cli.records.positions import Position
from pipeline.errors import Refusal
from pipeline.world import SourceRecord

PIECE_BYTES = 4 << 20
"""A piece ends with the line in which it comes to so many bytes: it is one transaction."""

_END = b"\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """The records of some lines, and the position behind them."""

    records: list[SourceRecord]
    end: Position


class Pieces:
    """Iterates once over a file that stands at `place`.

    `end` is behind the last piece so far. `blank` lines are left out, and a last line without its
    end that is no JSON: it is `unfinished`, for somebody may be writing it.
    """

    def __init__(self, file: IO[bytes], place: Place, entity: str) -> None:
        self.blank = 0
        self.unfinished = False
        self._file = file
        self._entity = entity
        self._hashed = place.hashed
        self.end = place.position
        self._bytes, self._lines = place.position.bytes, place.position.lines
        self._too_long = self._is_over = False

    def __iter__(self) -> Iterator[Piece]:
        """Raises Failed at a line that is too long, once all before it was taken.

        Raises Refusal where the line that was sent last has gone on since.
        """
        self._end_last_line()
        while not self._is_over:
            records = self._records()
            if self._bytes > self.end.bytes:
                digest = self._hashed.hexdigest()
                self.end = Position(digest, self._bytes, self._lines, self.end.sha256)
                yield Piece(records, self.end)
        if self._too_long:
            raise too_long(self._lines + 1)

    def _records(self) -> list[SourceRecord]:
        records = list[SourceRecord]()
        while self._bytes - self.end.bytes < PIECE_BYTES and (raw := self._next_line()):
            self._take(raw)
            self._lines += 1
            if raw.strip():
                records.append(record_of(raw.removesuffix(_END), self._entity))
            else:
                self.blank += 1
        return records

    def _next_line(self) -> bytes:
        """With its end; empty, and then it is over, where there is none that can be sent."""
        raw = self._file.readline(LONGEST + 2)
        is_whole = raw.endswith(_END)
        self._too_long = len(raw) - is_whole > LONGEST
        self.unfinished = not (is_whole or self._too_long or is_json(raw) or not raw.strip())
        self._is_over = self._too_long or not (is_whole or is_json(raw))
        return b"" if self._is_over else raw

    def _end_last_line(self) -> None:
        """Pass the end of a line that was sent when it had none."""
        if self.end.bytes == 0:
            return
        self._file.seek(self.end.bytes - len(_END))
        if self._file.read(len(_END)) == _END:
            return
        raw = self._file.readline(LONGEST)
        if raw.strip():
            raise Refusal(f"line {self._lines} of this file went on after it was sent", WAY_OUT)
        self._take(raw)

    def _take(self, raw: bytes) -> None:
        self._hashed.update(raw)
        self._bytes += len(raw)
