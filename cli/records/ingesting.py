"""Brings lines into the source topic: one line, one record, each acknowledged.

Those of a file come in once, however often it is ingested: they are sent together with the position
behind them. A stream has no positions: who sends it again is known by the ids of its events alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from cli.records.lines import Lines, record_of, too_long
from cli.records.locating import first_line, locate
from cli.records.pieces import Pieces
from cli.records.positions import Noted, Positions
from cli.records.transactions import Transactions, make_ledger, noted, transactions
from generator.kafka_sink import kafka_sink
from pipeline.declaration import UseCase
from pipeline.faults import FaultPoints
from pipeline.kafka.admin import Admin
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord, Target
from pipeline.settings import Settings
from pipeline.topics import Topics, ingested_of
from pipeline.world import SourceRecord

BLOCK_BYTES = 1 << 20

Progress = Callable[[int, int], None]
"""Called with the records acknowledged and the bytes read so far."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """How many records were acknowledged, how many lines had come in before, or were left out."""

    records: int
    lines_before: int
    blank: int
    unfinished: bool = False


def ingest_stream(
    settings: Settings, case: UseCase, stream: IO[bytes], progress: Progress
) -> Ingested:
    """Send all lines of `stream`. Raises Failed.

    Reads outside the event loop, so that Ctrl-C also ends the wait for a quiet pipe.
    """
    sent, read, lines = 0, 0, Lines()
    topic, most = Topics.of(case).generated, case.events_at_once
    with asyncio.Runner() as runner, _exits(runner) as exits:
        sink = runner.run(exits.enter_async_context(kafka_sink(settings.kafka, topic, most)))
        for data in _blocks(stream):
            complete = lines.feed(data) if data else lines.end()
            records = [record_of(line, case.entity) for line in complete]
            runner.run(sink.send(records))
            sent, read = sent + len(records), read + len(data)
            progress(sent, read)
            if lines.too_long is not None:
                raise too_long(lines.too_long)
    return Ingested(sent, 0, lines.blank)


def ingest_file(
    settings: Settings, case: UseCase, file: IO[bytes], name: str, progress: Progress
) -> Ingested:
    """Send the lines of `file` that have not come in before; `name` is what `name_of` gives.

    Can be ended at any moment and run again. Raises Failed, InfrastructureError, and Refusal where
    what was sent of the file has changed.
    """
    ledger, faults, sent = ingested_of(case), FaultPoints.parse(settings.faults), 0
    with Admin.connect(settings.kafka) as admin:
        partitions = admin.count(Topics.of(case).generated)
    make_ledger(settings.kafka, ledger)
    opened = transactions(settings.kafka, _transactional_id(case, file), "ingest", faults)
    with asyncio.Runner() as runner, _exits(runner) as exits:
        out = _Out(runner.run(exits.enter_async_context(opened)), case, partitions)
        place = locate(file, name, Positions(map(Noted.of, noted(settings.kafka, ledger))))
        faults.hit("before-ingest")
        pieces = Pieces(file, place, case.entity)
        for piece in pieces:
            runner.run(out.write(piece.records, Noted(name, piece.end)))
            sent += len(piece.records)
            progress(sent, piece.end.bytes)
        if pieces.end == place.position and not place.is_noted:
            runner.run(out.write([], Noted(name, pieces.end)))
    return Ingested(sent, place.position.lines, pieces.blank, pieces.unfinished)


class _Out:
    """Writes the records of some lines together with the position behind them."""

    def __init__(self, out: Transactions, case: UseCase, partitions: int) -> None:
        self._out = out
        self._source, self._ledger = Topics.of(case).generated, Target(ingested_of(case), 0)
        self._partitions = partitions

    async def write(self, records: Sequence[SourceRecord], noted: Noted) -> None:
        deliveries: dict[Target, list[OutRecord]] = defaultdict(list)
        for key, value in records:
            target = Target(self._source, partition_of(key or b"", self._partitions))
            deliveries[target].append(OutRecord(key, value))
        await self._out.write(deliveries, {self._ledger: [noted.encode()]})


def _transactional_id(case: UseCase, file: IO[bytes]) -> str:
    """One for each file that may be the same: what is the same begins with the same line."""
    return f"{case.name}-ingest-{hashlib.sha256(first_line(file)).hexdigest()[:16]}"


@contextmanager
def _exits(runner: asyncio.Runner) -> Iterator[AsyncExitStack]:
    exits = AsyncExitStack()
    try:
        yield exits
    finally:
        runner.run(exits.aclose())


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Whatever is there, as soon as it is there; then one empty block for the end."""
    read = getattr(stream, "read1", stream.read)
    while data := read(BLOCK_BYTES):
        yield data
    yield b""
