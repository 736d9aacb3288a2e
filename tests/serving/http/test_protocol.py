"""An answer leaves in one write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from serving.http.asgi import AsgiScope, Receive, Send
from serving.http.protocol import Gathering, OneWrite


class Wire:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, _: str) -> None:
        return None


@pytest.fixture
def wire() -> Wire:
    return Wire()


def gathering(wire: Any) -> Gathering:
    return Gathering(wire, asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_one_write(wire: Wire) -> None:
    transport = gathering(wire)
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.writes == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.writes == [b"head body", b"next"]


async def test_much_is_not_held(wire: Wire) -> None:
    transport = gathering(wire)
    for _ in range(5):
        transport.write(b"x" * 20_000)
    assert [len(one) for one in wire.writes] == [80_000]
    await asyncio.sleep(0)
    assert sum(map(len, wire.writes)) == 100_000


async def test_what_was_written_before_the_close_is_sent(wire: Wire) -> None:
    transport = gathering(wire)
    transport.write(b"last")
    transport.close()
    assert (wire.writes, wire.closed) == ([b"last"], True)


async def test_to_a_connection_that_is_gone_nothing_is_written(wire: Wire) -> None:
    transport = gathering(wire)
    transport.write(b"late")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.writes == []


async def test_all_else_is_asked_of_the_transport_itself(wire: Wire) -> None:
    assert gathering(wire).is_closing() is False


async def hello(_: AsgiScope, __: Receive, send: Send) -> None:
    length = (b"content-length", b"5")
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": b"hello"})


async def test_an_answer_s_head_and_body_leave_together(wire: Any) -> None:
    protocol = OneWrite(Config(hello, log_config=None), ServerState(), {})
    protocol.connection_made(wire)
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
    while not wire.closed:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)
    (answer,) = wire.writes
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"hello")
