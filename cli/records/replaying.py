"""Replays rejected records: reads them, decides, and sends what is due, at a rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from itertools import islice

from cli.records.reading import TopicReader
from cli.records.rejects import Reject
from cli.records.replay_ledger import fresh, replayed_origins, replays, stored_bytes
from cli.records.replays import Choice, Selection, Tally
from cli.records.transactions import make_ledger
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.faults import FaultPoints
from pipeline.kafka.admin import Admin
from pipeline.settings import Settings
from pipeline.topics import Topics, ledger_of

CHUNK = 500
"""The most records in one transaction; and a rejected record may be a megabyte: `_CHUNK_BYTES`."""

_CHUNK_BYTES = 8 * 1024 * 1024

Tallies = dict[tuple[str, str], Tally]
"""By stage and reason."""


def look(settings: Settings, case: UseCase, choice: Choice) -> Tallies:
    """What a replay would do. Blocks; raises InfrastructureError."""
    _, limit = _source(settings, case)
    selection = _selection(settings, case, choice, limit)
    with TopicReader.connect(settings.kafka, Topics.of(case).rejected) as reader:
        for _ in selection.due(reader.between(reader.starts(), reader.ends())):
            pass
    return selection.tallies


def replay(
    settings: Settings,
    case: UseCase,
    choice: Choice,
    rate: float | None,
    progress: Callable[[int], None],
) -> Tallies:
    """Send what is due, at most `rate` records a second; `progress` is told the sum so far.

    Can be ended at any moment and run again. Blocks; raises InfrastructureError, Refusal and
    Failed.
    """
    partitions, limit = _source(settings, case)
    make_ledger(settings.kafka, ledger_of(case))
    faults = FaultPoints.parse(settings.faults)
    with asyncio.Runner() as runner:
        exits = AsyncExitStack()
        try:
            ledger = replays(settings.kafka, case, partitions, faults)
            out = runner.run(exits.enter_async_context(ledger))
            selection = _selection(settings, case, choice, limit)
            with TopicReader.connect(settings.kafka, Topics.of(case).rejected) as reader:
                records = reader.between(reader.starts(), reader.ends())
                for chunk, sent in _paced(selection.due(records), rate):
                    runner.run(out.send(chunk))
                    progress(sent)
        finally:
            runner.run(exits.aclose())
    return selection.tallies


def _source(settings: Settings, case: UseCase) -> tuple[int, int]:
    """How many partitions the source has, and the largest record it takes. Raises Refusal."""
    source = Topics.of(case).generated
    if settings.sources and source not in settings.sources:
        raise Refusal(
            f"replays go to {source}, and PIPELINE_SOURCES does not name it",
            "Add it there, for the handler as well",
        )
    with Admin.connect(settings.kafka) as admin:
        partitions = admin.count(source)
        return partitions, int(admin.configs((source,))[source]["max.message.bytes"])


def _selection(settings: Settings, case: UseCase, choice: Choice, limit: int) -> Selection:
    known = replayed_origins(settings.kafka, case)
    return Selection(choice, known, lambda reject: stored_bytes(fresh(reject)) <= limit)


def _paced(rejects: Iterable[Reject], rate: float | None) -> Iterator[tuple[list[Reject], int]]:
    """Pieces that go out at once, each with the sum so far, each when it is due."""
    began, sent = time.monotonic(), 0
    for chunk in _chunks(iter(rejects), CHUNK if rate is None else max(1, min(CHUNK, int(rate)))):
        if rate is not None:
            time.sleep(max(0.0, began + sent / rate - time.monotonic()))
        sent += len(chunk)
        yield chunk, sent


def _chunks(rejects: Iterator[Reject], most: int) -> Iterator[list[Reject]]:
    while chunk := list(islice(_within_bytes(rejects), most)):
        yield chunk


def _within_bytes(rejects: Iterator[Reject]) -> Iterator[Reject]:
    """The next ones, until they are too many bytes for one transaction."""
    left = _CHUNK_BYTES
    for one in rejects:
        yield one
        left -= len(one.value or b"")
        if left <= 0:
            return
