"""From bytes to lines, and from a line to the record that is sent."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from cli.endings import Failed
from pipeline.topics import SOURCE_MAX_BYTES
from pipeline.world import SourceRecord

LONGEST = SOURCE_MAX_BYTES - 1024  # what Kafka adds to a record must fit in as well


@dataclass(slots=True)
class Lines:
    """Cuts a stream of bytes into lines, whatever pieces it comes in, and leaves out blank ones.

    It ends at a line that is too long for any topic: `too_long` is then that line's number.
    """

    number: int = 0
    blank: int = 0
    too_long: int | None = None
    _rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST:
            whole.append(self._rest)
        return [line for line in whole if self._accepts(line)]

    def end(self) -> list[bytes]:
        """The last line, where it did not end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest and self._accepts(rest) else []

    def _accepts(self, line: bytes) -> bool:
        if self.too_long is not None:
            return False
        self.number += 1
        if len(line) > LONGEST:
            self.too_long = self.number
            return False
        if not line.strip():
            self.blank += 1
            return False
        return True


def record_of(line: bytes, entity: str) -> SourceRecord:
    """The record of a line: its bytes untouched, its key the entity where one can be read."""
    try:
        name = orjson.loads(line)[entity]
        key = name.encode() if isinstance(name, str) else None
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        key = None
    return SourceRecord(key, line)


def is_json(line: bytes) -> bool:
    """Whether a line is JSON, which the beginning of an event is not."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def too_long(number: int) -> Failed:
    """What ends an ingest at that line."""
    return Failed(
        f"line {number} is longer than {LONGEST} bytes, all before it were sent; leave it out"
    )
