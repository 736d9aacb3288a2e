"""Which connections wait for their peer, and which of them have to go. Pure: time is an argument.

A connection waits for its peer while a head, a body or the end of an answer is still on its way,
and between two requests. While we work on its request it does not wait.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Generic, TypeVar

_NETWORK_BITS = 64

UNKNOWN = ""
"""The peer of connections that no bound of a peer holds for, as those of a proxy."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections there may be, and how long one may wait: seconds, and bytes a second.

    `of_peer` is how many connections of one peer may wait at once.
    """

    connections: int = 1_000
    of_peer: int = 250
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    body_rate: float = 1024.0
    answer_seconds: float = 10.0
    close_seconds: float = 2.0


Connection = TypeVar("Connection", bound=Hashable)


class Connections(Generic[Connection]):
    """All open connections of a process. Each method that adds one tells which has to go for it.

    Who has to go is forgotten at once.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._peers: dict[Connection, str] = {}
        self._waiting: dict[str, dict[Connection, float]] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def open(self, connection: Connection, peer: str, deadline: float) -> Connection | None:
        """There is a new one, which waits until `deadline`."""
        self._peers[connection] = peer
        surplus = self.wait(connection, deadline)
        if surplus is None and len(self._peers) > self.bounds.connections:
            surplus = self._oldest(max(self._waiting.values(), key=len))
        return surplus

    def wait(self, connection: Connection, deadline: float) -> Connection | None:
        """It waits for its peer from now on, as the one that has waited for the shortest time."""
        peer = self._peers.get(connection)
        if peer is None:  # it had to go, and is about to end
            return None
        waiting = self._waiting.setdefault(peer, {})
        waiting.pop(connection, None)
        waiting[connection] = deadline
        if peer != UNKNOWN and len(waiting) > self.bounds.of_peer:
            return self._oldest(waiting)
        return None

    def postpone(self, connection: Connection, deadline: float) -> None:
        """It waits as long as before, but may do so until `deadline`."""
        waiting = self._waiting.get(self._peers.get(connection, UNKNOWN), {})
        if connection in waiting:
            waiting[connection] = deadline

    def work(self, connection: Connection) -> None:
        """It does not wait for its peer: its request is worked on."""
        peer = self._peers.get(connection)
        if peer is None or (waiting := self._waiting.get(peer)) is None:
            return
        waiting.pop(connection, None)
        if not waiting:
            del self._waiting[peer]

    def close(self, connection: Connection) -> None:
        """It is no more."""
        self.work(connection)
        self._peers.pop(connection, None)

    def overdue(self, now: float) -> list[Connection]:
        """Those whose deadline is over."""
        return [
            connection
            for waiting in self._waiting.values()
            for connection, deadline in waiting.items()
            if deadline <= now
        ]

    def _oldest(self, waiting: dict[Connection, float]) -> Connection:
        oldest = next(iter(waiting))
        self.close(oldest)
        return oldest


class Peers:
    """Names the peers: IPv6 by networks, of which a caller has all addresses."""

    def __init__(self, proxies: Sequence[str] = ()) -> None:
        """`proxies` are addresses or networks; `*` is all."""
        self._networks = tuple(_networks_in(proxies))
        self._is_any = "*" in proxies

    def name(self, host: str) -> str:
        """By what its connections are counted; UNKNOWN for a proxy, and where there is no host."""
        address = _address_in(host)
        if self._is_any or address is None or any(address in one for one in self._networks):
            return UNKNOWN
        return network_of(host)


def network_of(host: str) -> str:
    """An address; of IPv6 its network; what is neither as it is."""
    address = _address_in(host)
    if address is None or isinstance(address, IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(int(address) >> _NETWORK_BITS)


def _address_in(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _networks_in(proxies: Sequence[str]) -> Iterator[IPv4Network | IPv6Network]:
    for proxy in proxies:
        with suppress(ValueError):  # a name, which uvicorn compares as it is
            yield ip_network(proxy, strict=False)
