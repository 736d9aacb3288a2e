"""Brings lines into the source topic: one line, one record, each acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import IO

import orjson

from cli.endings import Failed
from generator.kafka_sink import kafka_sink
from pipeline.declaration import UseCase
from pipeline.settings import Settings
from pipeline.topics import SOURCE_MAX_BYTES, Topics
from pipeline.world import SourceRecord

CHUNK_BYTES = 1 << 20
LONGEST = SOURCE_MAX_BYTES - 1024  # what Kafka adds to a record must fit in as well

Progress = Callable[[int, int], None]
"""Called with the records acknowledged and the bytes read so far."""


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


def _too_long(number: int) -> Failed:
    return Failed(
        f"line {number} is longer than {LONGEST} bytes, all before it were sent; leave it out"
    )


def ingest(
    settings: Settings, case: UseCase, stream: IO[bytes], lines: Lines, progress: Progress
) -> int:
    """Send all lines of `stream`; returns how many records were acknowledged. Raises Failed.

    Reads outside the event loop, so that Ctrl-C also ends the wait for a quiet pipe.
    """
    sent = read = 0
    with asyncio.Runner() as runner:
        exits = AsyncExitStack()
        topic = Topics.of(case).generated
        sink = runner.run(
            exits.enter_async_context(kafka_sink(settings.kafka, topic, case.events_at_once))
        )
        try:
            for data in _pieces(stream):
                complete = lines.feed(data) if data else lines.end()
                records = [record_of(line, case.entity) for line in complete]
                runner.run(sink.send(records))
                sent, read = sent + len(records), read + len(data)
                progress(sent, read)
                if lines.too_long is not None:
                    raise _too_long(lines.too_long)
        finally:
            runner.run(exits.aclose())
    return sent


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """Whatever is there, as soon as it is there; then one empty piece for the end."""
    read = getattr(stream, "read1", stream.read)
    while data := read(CHUNK_BYTES):
        yield data
    yield b""
