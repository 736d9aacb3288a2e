"""The loop that every worker runs: poll, process, and again; with retries, and a clean end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import Protocol

from pipeline.errors import InfrastructureError
from pipeline.health import Health
from pipeline.kafka.feed import Batch, Feed
from pipeline.kafka.positions import Positions
from pipeline.logs import log
from pipeline.metrics import BATCH_SECONDS, LAG, RETRIES

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Stage(Positions, Protocol):
    """One stage of the pipeline, as the loop sees it."""

    @property
    def name(self) -> str:
        """The stage's name, as in metrics."""
        ...

    async def process(self, batches: Sequence[Batch]) -> None:
        """Bring these records to all their effects, or raise; called with none when quiet.

        Called again with the same batches after InfrastructureError, so it skips what is done.
        """
        ...

    async def close(self) -> None:
        """Finish what is begun and let go of every client."""
        ...


class Stopping:
    """Set by SIGTERM or SIGINT; what runs then is finished first."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @classmethod
    def on_signals(cls) -> Stopping:
        """A Stopping that the process's own signals set; needs a running event loop."""
        stopping = cls()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        return stopping

    def set(self) -> None:
        """Ask for the end."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    async def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the moment when the end is asked for."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return


async def run(stage: Stage, feed: Feed, health: Health, stopping: Stopping) -> None:
    """Run `stage` on `feed` until `stopping`; then close both. Errors but outages come out."""
    try:
        while not stopping:
            await process(stage, await feed.poll(), health, stopping)
            show_lag(stage.name, feed)
    finally:
        await stage.close()
        await feed.stop()


async def process(
    stage: Stage, batches: Sequence[Batch], health: Health, stopping: Stopping
) -> None:
    """Process one poll, again and again while something outside fails and nobody says stop."""
    started = time.perf_counter()
    pause = _FIRST_PAUSE
    while True:
        health.looped()
        try:
            await stage.process(batches)
        except InfrastructureError as error:
            RETRIES.labels(stage.name).inc()
            log.warning("trying the batch again", error=str(error), pause=pause)
            await stopping.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if stopping:
                return
        else:
            break
    health.worked()
    if batches:
        BATCH_SECONDS.labels(stage.name).observe(time.perf_counter() - started)


def show_lag(stage: str, feed: Feed) -> None:
    """Publish how far the feed is behind, per topic."""
    totals: dict[str, int] = {}
    for (topic, _), lag in feed.lags().items():
        totals[topic] = totals.get(topic, 0) + lag
    for topic, total in totals.items():
        LAG.labels(stage, topic).set(total)
