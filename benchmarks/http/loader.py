"""Asks a server as fast as it answers: `python -m benchmarks.http.loader PORT REQUESTS SECONDS`.

Each of 16 connections has one request on its way, and the next as soon as that is answered; a
server that closes a connection after an answer is called anew. Prints one line of JSON: a `Load`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httptools
import msgspec
import numpy as np
import uvloop

from benchmarks.percentiles import p50_p99
from embedded.ports import HOST

CONNECTIONS = 16
_WARM_SECONDS = 1.0
_OK = 200

Pause = Callable[[float], Awaitable[None]]


class Request(msgspec.Struct, frozen=True):
    """What is asked for; a `body` is JSON."""

    method: str
    path: str
    body: str = ""

    def encode(self) -> bytes:
        """As it goes over the wire."""
        body = self.body.encode()
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: {HOST}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Load(msgspec.Struct, frozen=True):
    """What came of it: answers that were counted, by status; latencies in milliseconds."""

    statuses: dict[int, int]
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers a second, of whatever status."""
        return sum(self.statuses.values()) / self.seconds

    @property
    def good(self) -> bool:
        """Whether there were answers, and all as they should be."""
        return self.statuses.keys() == {_OK}


@dataclass(slots=True)
class _Tally:
    """The answers that came from `begins` on (seconds of the monotonic clock)."""

    begins: float
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, status: int, asked: float, answered: float) -> None:
        if answered >= self.begins:
            self.latencies.append(answered - asked)
            self.statuses[status] += 1


class _Caller(asyncio.Protocol):
    """One connection: asks, waits for the answer, asks again."""

    def __init__(self, port: int, requests: Iterator[bytes], tally: _Tally) -> None:
        self._port = port
        self._requests = requests
        self._tally = tally
        self._asked = 0.0
        self._calling: asyncio.Task[None] | None = None

    def call(self) -> None:
        """Connect and ask; the time that this takes is the answer's too."""
        self._asked = time.monotonic()
        self._calling = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, HOST, self._port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # a stream's always is
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        now = time.monotonic()
        self._tally.add(self._parser.get_status_code(), self._asked, now)
        if self._parser.should_keep_alive():
            self._asked = now
            self._transport.write(next(self._requests))
        else:
            self._transport.close()
            self.call()


async def load(
    port: int, requests: Sequence[Request], seconds: float, pause: Pause = asyncio.sleep
) -> Load:
    """Ask for these by turns for a second, which is not counted, and `seconds` more."""
    tally = _Tally(time.monotonic() + _WARM_SECONDS)
    encoded = cycle([one.encode() for one in requests])
    for _ in range(CONNECTIONS):
        _Caller(port, encoded, tally).call()
    await pause(_WARM_SECONDS + seconds)
    p50, p99 = p50_p99(np.asarray(tally.latencies))
    return Load(dict(tally.statuses), seconds, p50, p99)


if __name__ == "__main__":
    port, path, seconds = sys.argv[1:]
    wanted = msgspec.json.decode(Path(path).read_bytes(), type=list[Request])
    found = uvloop.run(load(int(port), wanted, float(seconds)))
    sys.stdout.buffer.write(msgspec.json.encode(found))
