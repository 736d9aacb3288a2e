"""Partitions that wait for something which the others do not need."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.clock import Clock
from pipeline.logs import log

_SHUT_SECONDS = 1.0
_FORGOTTEN_SECONDS = 10.0  # it is tried again sooner, unless it is no longer ours
_SAY_SECONDS = 30.0


@dataclass(slots=True)
class _Wait:
    since: float
    said_at: float
    shut_until: float


@dataclass(slots=True)
class Holding:
    """Holds each of them for a second before it is tried again, and says so now and then."""

    clock: Clock
    _waits: dict[tuple[str, int], _Wait] = field(default_factory=dict)

    def hold(self, place: tuple[str, int], why: Exception) -> None:
        """Do not read this partition for now."""
        now = self.clock.monotonic()
        wait = self._waits.setdefault(place, _Wait(now, now - _SAY_SECONDS, now))
        wait.shut_until = now + _SHUT_SECONDS
        if now - wait.said_at >= _SAY_SECONDS:
            wait.said_at = now
            topic, partition = place
            seconds = round(now - wait.since)
            log.error("held", topic=topic, partition=partition, error=str(why), seconds=seconds)

    def is_shut(self, place: tuple[str, int]) -> bool:
        """Whether it is not to be read yet."""
        wait = self._waits.get(place)
        return wait is not None and self.clock.monotonic() < wait.shut_until

    def let_go(self, place: tuple[str, int]) -> None:
        """It went on."""
        self._waits.pop(place, None)

    @property
    def count(self) -> int:
        """How many wait; those that another worker has taken over are not counted for long."""
        after = self.clock.monotonic() - _FORGOTTEN_SECONDS
        return sum(wait.shut_until > after for wait in self._waits.values())
