"""The loop that every worker runs: poll, process, and again; with retries, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from pipeline.ending import leave_within
from pipeline.errors import InfrastructureError
from pipeline.exit_codes import ExitCode
from pipeline.health import Health
from pipeline.kafka.feed import Batch, Feed
from pipeline.kafka.positions import Positions
from pipeline.logs import log
from pipeline.metrics import BATCH_SECONDS, LAG, RETRIES

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_POLL_SECONDS = 0.5  # this and the others: once the end is asked for
_FINISH_SECONDS = 2.5
_CLOSE_SECONDS = 3.0
_END_SECONDS = 8.5


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
    """Set by SIGTERM or SIGINT; what runs then is finished first, if that takes a moment."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._limits: dict[asyncio.Timeout, float] = {}

    @classmethod
    def on_signals(cls) -> Stopping:
        """A Stopping that the process's own signals set; needs a running event loop."""
        stopping = cls()

        def stop() -> None:
            stopping.set()
            leave_within(_END_SECONDS, ExitCode.OK)

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        return stopping

    def set(self) -> None:
        """Ask for the end."""
        self._event.set()
        now = asyncio.get_running_loop().time()
        for limit, seconds in self._limits.items():
            limit.reschedule(now + seconds)

    @contextlib.asynccontextmanager
    async def limited(self, seconds: float) -> AsyncIterator[None]:
        """A block that is given up so long after the end was asked for.

        Raises InfrastructureError then.
        """
        try:
            async with asyncio.timeout(seconds if self else None) as limit:
                self._limits[limit] = seconds
                try:
                    yield
                finally:
                    del self._limits[limit]
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise InfrastructureError("given up, for the end was asked for") from error

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
            batches = await _polled(feed, stopping)
            if batches is not None:
                await process(stage, batches, health, stopping)
            show_lag(stage.name, feed)
    finally:
        await close(stage, feed)


async def _polled(feed: Feed, stopping: Stopping) -> Sequence[Batch] | None:
    """What a poll brings; None where it hangs when the end is asked for."""
    with contextlib.suppress(InfrastructureError):
        async with stopping.limited(_POLL_SECONDS):
            return await feed.poll()
    return None


async def close(stage: Stage, feed: Feed) -> None:
    """Let go of both, within seconds also while what they hold on to is away."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await stage.close()
    except TimeoutError:
        log.warning("not closed in time; what was under way is read again")
    finally:
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
            async with stopping.limited(_FINISH_SECONDS):
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
