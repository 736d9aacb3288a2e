"""How many records may go out next: as many as fit, or as many as a rate allows."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from pipeline.clock import Clock
from pipeline.errors import SettingsError

_BATCH = 5_000  # records at full speed: large enough for the broker, small enough for progress
_TICK = 0.015  # seconds of the rate that go out together; a late wake-up still fits a burst
_SHORTEST = 0.001  # seconds to sleep at least: clocks and sleeps are no finer
_BURST = 0.020  # seconds of the rate that may go out at once


class Pace(Protocol):
    """Says when how much is due."""

    async def allowance(self) -> int:
        """How many records to send now, at least one; waits until that many are due."""
        ...


class FullSpeed:
    """As fast as the receiver takes them."""

    async def allowance(self) -> int:
        """A whole batch, at once."""
        return _BATCH


class AtRate:
    """`rate` records a second, counted from the first call, so that nothing drifts.

    After a stall it catches up in steps of 20 ms each, never in one burst.
    """

    def __init__(
        self,
        rate: float,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not 0 < rate < math.inf:
            raise SettingsError(f"a rate of {rate} is none", "Ask for more than 0 events a second")
        self._rate = rate
        self._burst = max(1, math.floor(rate * _BURST))
        self._least = max(1, math.floor(rate * _TICK))
        self._clock = clock
        self._sleep = sleep
        self._started: float | None = None
        self._allowed = 0

    async def allowance(self) -> int:
        """What has become due since the last call: 15 ms of the rate at least, 20 ms at most."""
        while self._due() < self._least:
            await self._sleep(self._seconds_to_least())
        allowed = min(self._due(), self._burst)
        self._allowed += allowed
        return allowed

    def _due(self) -> int:
        return math.floor(self._elapsed() * self._rate) - self._allowed

    def _seconds_to_least(self) -> float:
        return max(_SHORTEST, (self._allowed + self._least) / self._rate - self._elapsed())

    def _elapsed(self) -> float:
        now = self._clock.monotonic()
        if self._started is None:
            self._started = now
        return now - self._started
