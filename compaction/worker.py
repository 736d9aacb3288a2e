"""Compacts by itself: a pass at the start and one each hour, in a thread beside the loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from compaction.service import Outcome, PutOff
from pipeline import metrics
from pipeline.clock import Clock
from pipeline.errors import Refusal
from pipeline.health import Health
from pipeline.logs import log
from pipeline.times import MINUTE
from pipeline.worker import Stopping

STAGE = "compaction"
AGAIN_SECONDS = 3_600.0
# The logger may hold the last records of a date for some minutes more.
SETTLED = 15 * MINUTE
_TICK_SECONDS = 1.0

Make = Callable[[int], Iterable[Outcome]]
"""Does a pass over the dates that were over at a moment (microseconds); blocks."""


@dataclass(frozen=True, slots=True)
class Tidying:
    """Ready while the last pass could do its work. A pass is left in its midst at the end."""

    make: Make
    health: Health
    stopping: Stopping
    clock: Clock

    async def run(self) -> None:
        """Pass after pass, until the end is asked for."""
        while not self.stopping:
            done = _in_background(self._pass)
            while not (done.done() or self.stopping):
                self._tick(well=True)
                await asyncio.wait([done], timeout=_TICK_SECONDS)
            await self._rest(well=done.done() and done.result())

    async def _rest(self, *, well: bool) -> None:
        ticks = int(AGAIN_SECONDS / _TICK_SECONDS)
        while ticks and not self.stopping:
            self._tick(well=well)
            await self.stopping.pause(_TICK_SECONDS)
            ticks -= 1

    def _tick(self, *, well: bool) -> None:
        if well:
            self.health.worked()
        else:
            self.health.looped()

    def _pass(self) -> bool:
        """Whether nothing kept it from its work; in a thread."""
        try:
            for outcome in self.make(self.clock.now() - SETTLED):
                _tell(outcome)
        except (OSError, Refusal) as error:
            log.warning("the log is left as it is for now", error=str(error))
            return False
        return True


def _tell(outcome: Outcome) -> None:
    day, name = outcome.day, "merged"
    if isinstance(outcome, PutOff):
        name = "put_off"
        log.info("left for the next pass", topic=day.topic, date=str(day.date), why=outcome.why)
    else:
        name = "merged" if outcome.after.files else "removed"
        before, after = outcome.before.files, outcome.after.files
        log.info(name, topic=day.topic, date=str(day.date), before=before, after=after)
    metrics.COMPACTED.labels(day.topic, name).inc()


def _in_background(action: Callable[[], bool]) -> asyncio.Future[bool]:
    """The result of `action` in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bool] = loop.create_future()

    def settle(set_it: Callable[..., None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(set_it, value)

    def run() -> None:
        try:
            settle(future.set_result, action())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            settle(future.set_exception, error)

    threading.Thread(target=run, daemon=True, name=STAGE).start()
    return future
