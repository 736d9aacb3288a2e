"""Moves records, batch by batch and at a pace, into a sink."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from generator.pace import Pace
from pipeline.world import SourceRecord


class Sink(Protocol):
    """Where records go."""

    async def send(self, records: Sequence[SourceRecord]) -> None:
        """Return when all are acknowledged; the records of one key in their order."""
        ...


def _silent(_sent: int) -> None:
    pass


async def generate(
    records: Iterator[SourceRecord],
    sink: Sink,
    pace: Pace,
    progress: Callable[[int], None] = _silent,
) -> int:
    """Send `records` until there are none; return how many. Calls `progress` with the sum so far.

    Records are taken only when they are due, so a live one carries the moment of its sending.
    """
    sent = 0
    while batch := list(islice(records, await pace.allowance())):
        await sink.send(batch)
        sent += len(batch)
        progress(sent)
    return sent
