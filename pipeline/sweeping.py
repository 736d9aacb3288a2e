"""Goes on with a sweep of old generations, a step between two batches."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.clock import Clock
from pipeline.errors import InfrastructureError
from pipeline.logs import log
from pipeline.store.sweeping import Sweep, Sweeper

_PAUSE_SECONDS = 10.0
"""After a sweep that was broken off, or left something behind."""


class Sweeping:
    """The sweeps of one worker, one after the other."""

    def __init__(self, sweeper: Sweeper | None, clock: Clock) -> None:
        self._sweeper = sweeper
        self._clock = clock
        self._sweep: Sweep | None = None
        self._not_before = 0.0

    async def step(self, due: Collection[int]) -> Collection[int]:
        """One page of the sweep under way, or of a new one of the partitions that are `due`.

        Returns those that are clean, once all pages have been looked at.
        """
        if self._sweep is None:
            if self._sweeper is None or not due or self._clock.monotonic() < self._not_before:
                return ()
            self._sweep = self._sweeper.sweep(due)
        try:
            return await self._go_on(self._sweep)
        except InfrastructureError as error:
            log.warning("sweeping later", error=str(error))
            self._end(pause=True)
            return ()

    async def _go_on(self, sweep: Sweep) -> Collection[int]:
        if await sweep.step():
            return ()
        clean = await sweep.clean()
        if sweep.removed:
            log.info("removed keys of older generations", keys=sweep.removed)
        self._end(pause=not sweep.partitions <= clean)
        return clean

    def _end(self, *, pause: bool) -> None:
        self._sweep = None
        self._not_before = self._clock.monotonic() + _PAUSE_SECONDS * pause
