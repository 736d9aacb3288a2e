"""Telling a client that will never read again from a quiet topic, and from an outage.

After a broker's restart a group member may stay outside the group for good. Only a new process
helps then; an outage is waited for, and a quiet topic is no standstill. A group may also leave
partitions to nobody, while each of its members reads all that it has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import Fatal
from pipeline.logs import log

QUIET_SECONDS = 60.0
CONFIRM_SECONDS = 30.0
_ASK_SECONDS = 10.0
_NAMED = 5

Offsets = Mapping[TopicPartition, int]


class Orphans:
    """Partitions that the group gives to nobody, though they are there."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since: float | None = None

    def __bool__(self) -> bool:
        return self._since is not None

    def seen(self, partitions: Collection[TopicPartition]) -> bool:
        """A look at the group; True where it has to assign anew, for they were there before.

        Raises Fatal where that has not helped for a minute.
        """
        before = self._since
        if not partitions:
            self._since = None
            return False
        self._since = self._now() if before is None else before
        if self._now() - self._since >= QUIET_SECONDS:
            named = ", ".join(f"{topic}/{number}" for topic, number in sorted(partitions)[:_NAMED])
            raise Fatal(f"no member of the group has {len(partitions)} partitions: {named}")
        return before is not None


class Standstill:
    """Looks on at every poll; asks the broker only when nothing was read for a minute."""

    def __init__(
        self, consumer: Any, topics: Iterable[str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._consumer = consumer
        self._any = [TopicPartition(topic, 0) for topic in topics]
        self._now = now
        self._asked_at = 0.0
        self._ends: Offsets | None = None
        self._was_member = False
        self._read_at = now()

    def read(self) -> None:
        """Records came."""
        self._read_at, self._ends = self._now(), None

    async def none_read(self, places: Offsets) -> None:
        """A poll at these next offsets brought nothing.

        Raises Fatal where the broker answers, and for half a minute more either records that were
        there already have not come, or the group has not been joined.
        """
        now = self._now()
        if self._ends is None:
            if now - self._read_at >= QUIET_SECONDS:
                await self._suspect(places)
            return
        self._was_member |= self._is_member()
        if now - self._asked_at >= CONFIRM_SECONDS:
            await self._decide(places)

    async def _suspect(self, places: Offsets) -> None:
        self._was_member = self._is_member()
        self._ends = await self._ask(places)
        self._asked_at = self._now()
        if self._ends is None:
            self.read()

    async def _decide(self, places: Offsets) -> None:
        ends, now_there = self._ends or {}, await self._ask(places)
        behind = sum(1 for place, offset in places.items() if offset < ends.get(place, 0))
        if now_there is not None and (behind or not self._was_member):
            why = f"{behind} partitions are behind" if behind else "the group was not joined"
            raise Fatal(f"reading stands still though Kafka answers: {why}")
        self.read()

    def _is_member(self) -> bool:
        subscription = self._consumer._subscription.subscription  # noqa: SLF001 - told nowhere else
        return not self._consumer._coordinator.need_rejoin(subscription)  # noqa: SLF001 - the same

    async def _ask(self, places: Offsets) -> Offsets | None:
        """The ends of the log as the broker has them; None where it does not answer."""
        wanted = [*dict.fromkeys((*places, *self._any))]
        try:
            ends: Offsets = await asyncio.wait_for(self._consumer.end_offsets(wanted), _ASK_SECONDS)
        except (KafkaError, TimeoutError) as error:
            log.warning("Kafka does not answer", error=repr(error))
            return None
        return ends
