"""Looks after the connections of one server: who waited too long, and who has to go for others."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

from pipeline.logs import log
from pipeline.metrics import CONNECTIONS_DROPPED
from serving.http.connections import Bounds, Connections, Peers

GUARD = "guard"
"""Under which name a server's state has it."""

CROWDED, UNREAD = "crowded", "unread"
"""Why a connection is dropped: others came, or its peer does not read what it asked for."""

_LOOK_SECONDS = 0.5
_LOG_SECONDS = 60.0


class Guarded(Protocol):
    """A connection, as the guard sees it."""

    def __hash__(self) -> int:
        """As an object."""
        ...

    def expire(self, now: float) -> None:
        """Its deadline is over at `now`."""
        ...

    def drop(self, why: str) -> None:
        """End it at once."""
        ...


class Guard:
    """Times are those of the event loop, in seconds. It looks twice a second."""

    def __init__(self, bounds: Bounds, peers: Peers) -> None:
        self.bounds = bounds
        self._peers = peers
        self._connections: Connections[Guarded] = Connections(bounds)
        self._looking: asyncio.TimerHandle | None = None
        self._dropped: Counter[str] = Counter()
        self._logged = -_LOG_SECONDS

    def open(self, connection: Guarded, host: str, loop: asyncio.AbstractEventLoop) -> None:
        """There is a new one, from `host`, or from somewhere unknown."""
        deadline = loop.time() + self.bounds.head_seconds
        self._drop(self._connections.open(connection, self._peers.name(host), deadline))
        if self._looking is None:
            self._looking = loop.call_later(_LOOK_SECONDS, self._look, loop)

    def wait(self, connection: Guarded, deadline: float) -> None:
        """It begins to wait for its peer."""
        self._drop(self._connections.wait(connection, deadline))

    def postpone(self, connection: Guarded, deadline: float) -> None:
        """It may wait longer than was said."""
        self._connections.postpone(connection, deadline)

    def work(self, connection: Guarded) -> None:
        """It waits for us."""
        self._connections.work(connection)

    def close(self, connection: Guarded) -> None:
        """It is no more."""
        self._connections.close(connection)

    def count(self, why: str) -> None:
        """One was dropped."""
        CONNECTIONS_DROPPED.labels(why).inc()
        self._dropped[why] += 1

    def _drop(self, surplus: Guarded | None) -> None:
        if surplus is not None:
            surplus.drop(CROWDED)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in self._connections.overdue(now):
            connection.expire(now)
        if self._dropped and now - self._logged >= _LOG_SECONDS:
            log.warning("connections were dropped", **self._dropped)
            self._dropped.clear()
            self._logged = now
        more = len(self._connections) > 0
        self._looking = loop.call_later(_LOOK_SECONDS, self._look, loop) if more else None
