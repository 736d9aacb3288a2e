"""The protocol on a real socket, before an application that says what it has got."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httptools
import orjson
from uvicorn.config import Config
from uvicorn.server import ServerState

from serving.http.asgi import AsgiScope, Message, Receive, Send
from serving.http.connections import Bounds, Peers
from serving.http.guard import GUARD, Guard
from serving.http.protocol import OneWrite

HOST = "127.0.0.1"
USUAL = Bounds()


async def until(fact: Callable[[], bool]) -> None:
    """Return once it is so; fails after 5 seconds."""
    async with asyncio.timeout(5):
        while not fact():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)


class Echo:
    """Answers with path, body and fields; on /late once it is let, on /large with much."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.let = asyncio.Event()
        self.gone = 0

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.paths.append(path)
        body = b"" if path == "/hasty" else await self._body(receive)
        if body is None:
            return
        if path == "/late":
            await self.let.wait()
        fields = [name.decode() for name, _ in scope["headers"]]
        answer = orjson.dumps({"path": path, "body": body.decode(), "fields": fields})
        if path == "/large":
            answer = bytes(8 * 1024 * 1024)
        length = (b"content-length", str(len(answer)).encode())
        headers = [length, *([(b"connection", b"close")] if path == "/hasty" else [])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _body(self, receive: Receive) -> bytes | None:
        whole = b""
        while True:
            message: Message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return None
            whole += bytes(message["body"])
            if not message["more_body"]:
                return whole


@dataclass
class Answers:
    """The answers in what a peer has read."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    keeps: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, data: bytes) -> Answers:
        answers = cls()
        answers._parser = httptools.HttpResponseParser(answers)
        answers._parser.feed_data(data)
        return answers

    def on_message_begin(self) -> None:
        self.bodies.append(b"")

    def on_body(self, body: bytes) -> None:
        self.bodies[-1] += body

    def on_message_complete(self) -> None:
        self.statuses.append(self._parser.get_status_code())
        self.keeps.append(self._parser.should_keep_alive())

    @property
    def said(self) -> list[Any]:
        return [orjson.loads(body) for body in self.bodies]

    @property
    def paths(self) -> list[str]:
        return [one["path"] for one in self.said if "path" in one]

    @property
    def reasons(self) -> list[str]:
        return [one["errors"][0]["reason"] for one in self.said if "errors" in one]

    _parser: Any = None


class Peer:
    """One connection of a peer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def says(self, *parts: bytes) -> Peer:
        """Each in a packet of its own; nothing more once the service has closed."""
        for part in parts:
            try:
                self.writer.write(part)
                await self.writer.drain()
            except ConnectionError:
                break
        return self

    async def hears(self, count: int = 0) -> Answers:
        """All that comes until the service closes, or so many answers."""
        data = b""
        while part := await self._read():
            data += part
            if count and len(Answers.of(data).statuses) >= count:
                break
        return Answers.of(data) if data else Answers()

    async def is_closed(self) -> bool:
        """Whether the service closes without a word."""
        return await self._read() == b""

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(5):
                return await self._reader.read(1 << 16)
        except ConnectionError:
            return b""


@dataclass
class Wired:
    """A service on a port of its own."""

    app: Echo
    port: int
    state: ServerState
    peers: list[Peer] = field(default_factory=list)

    async def peer(self) -> Peer:
        peer = Peer(*await asyncio.open_connection(HOST, self.port))
        self.peers.append(peer)
        return peer

    @property
    def count(self) -> int:
        """How many connections there are."""
        return len(self.state.connections)

    async def until_asked(self, path: str) -> None:
        """Return once the application has got a request of this path."""
        await until(lambda: path in self.app.paths)

    async def asked(self, *parts: bytes) -> Answers:
        """All that one peer hears who says these."""
        return await (await (await self.peer()).says(*parts)).hears()


@asynccontextmanager
async def wired(
    bounds: Bounds = USUAL, *, idle_seconds: int = 5, proxies: tuple[str, ...] = ()
) -> AsyncIterator[Wired]:
    app, state = Echo(), ServerState()
    shared: dict[str, Any] = {GUARD: Guard(bounds, Peers(proxies))}
    config = Config(app, log_config=None, timeout_keep_alive=idle_seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: OneWrite(config, state, shared), HOST, 0)
    made = Wired(app, server.sockets[0].getsockname()[1], state)
    try:
        yield made
    finally:
        app.let.set()
        for peer in made.peers:
            peer.writer.transport.abort()
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await until(lambda: not state.connections)
