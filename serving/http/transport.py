"""Between a connection's transport and what reads and writes it: whole answers out, slices in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

_MOST_HELD = 64 * 1024
_SLICE = 16 * 1024


class Gathering:
    """A transport that sends what it is given at the end of the turn, or once there is much."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it soon; what is large is sent as it is, and not copied."""
        if len(data) > _MOST_HELD:
            self.flush()
            self._write(data)
            return
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > _MOST_HELD:
            self.flush()

    def close(self) -> None:
        """Send what there is, and close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send what there is."""
        held, self._held, self._size = self._held, [], 0
        if held:
            self._write(b"".join(held))

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


class Intake:
    """Hands on what comes, at most 16 KB in a turn of the loop; the transport waits meanwhile."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        hand_on: Callable[[bytes | memoryview], None],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._hand_on = hand_on
        self._rest = memoryview(b"")
        self._paused = False
        self._is_reading = True
        self._scheduled = False

    def take(self, data: bytes) -> None:
        """What has come."""
        if len(data) <= _SLICE and not self._rest and not self._paused:
            self._hand_on(data)
            return
        self._rest = memoryview(bytes(self._rest) + data if self._rest else data)
        self._schedule()

    def pause(self) -> None:
        """Hand on nothing more for now."""
        self._paused = True
        self._read(wanted=False)

    def resume(self) -> None:
        """Hand on what there is, and what comes."""
        self._paused = False
        self._schedule()

    def discard(self) -> None:
        """Forget what has not been handed on."""
        self._rest = memoryview(b"")
        self.resume()

    def end(self) -> None:
        """Hand on nothing any more."""
        self._rest = memoryview(b"")
        self._paused = True

    def _schedule(self) -> None:
        self._read(wanted=not self._rest and not self._paused)
        if self._rest and not self._paused and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._scheduled = False
        if self._paused:
            return
        part, self._rest = self._rest[:_SLICE], self._rest[_SLICE:]
        if part:
            self._hand_on(part)
        self._schedule()

    def _read(self, *, wanted: bool) -> None:
        if wanted is self._is_reading or self._transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
