"""A network between two that can stall, and break every connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

from embedded.ports import HOST

_CHUNK = 65_536
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""
_SECONDS = 10.0


class Proxy:
    """A context manager: what comes to `port` goes on to `target`, both on the loopback."""

    def __init__(self, port: int, target: int) -> None:
        self.held = 0
        """How many pieces have had to wait for the end of a stall."""
        self._port = port
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._flowing.set()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{HOST}:{self._port}"

    def stall(self) -> None:
        """Accept everything, and pass nothing on."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def go_on(self) -> None:
        """Pass on what has come meanwhile, and all that comes."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def reset(self) -> int:
        """Break every connection, at both ends; returns how many ends there were."""
        return asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result(_SECONDS)

    async def _begin(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self._port)

    async def _end(self) -> None:
        """Nothing may be left running when the loop goes: it would complain at some later time."""
        self._server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _reset(self) -> int:
        broken = list(self._writers)
        for writer in broken:
            end: socket.socket = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.transport.abort()
        return len(broken)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            await self._flowing.wait()
            answers, onward = await asyncio.open_connection(HOST, self._target)
            self._writers.add(onward)
            await asyncio.gather(self._pump(reader, onward), self._pump(answers, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the one end says no more, or breaks; then the other hears of it."""
        try:
            while chunk := await reader.read(_CHUNK):
                self.held += not self._flowing.is_set()
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()
            self._writers.discard(writer)
