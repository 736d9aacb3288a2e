"""An answer leaves in one write, and what comes is handed on in slices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serving.http.transport import Gathering, Intake


class Wire:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False
        self.is_read = True

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        assert self.is_read
        self.is_read = False

    def resume_reading(self) -> None:
        assert not self.is_read
        self.is_read = True


@pytest.fixture
def wire() -> Any:
    return Wire()


def gathering(wire: Any) -> Gathering:
    return Gathering(wire, asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_one_write(wire: Any) -> None:
    transport = gathering(wire)
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.writes == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.writes == [b"head body", b"next"]


async def test_much_is_not_held(wire: Any) -> None:
    transport = gathering(wire)
    for _ in range(5):
        transport.write(b"x" * 20_000)
    assert [len(one) for one in wire.writes] == [80_000]
    await asyncio.sleep(0)
    assert sum(map(len, wire.writes)) == 100_000


async def test_what_is_large_is_not_copied(wire: Any) -> None:
    transport, large = gathering(wire), bytes(100_000)
    transport.write(b"head")
    transport.write(large)
    assert wire.writes == [b"head", large]
    assert wire.writes[1] is large


async def test_what_was_written_before_the_close_is_sent(wire: Any) -> None:
    transport = gathering(wire)
    transport.write(b"last")
    transport.close()
    assert (wire.writes, wire.closed) == ([b"last"], True)


async def test_to_a_connection_that_is_gone_nothing_is_written(wire: Any) -> None:
    transport = gathering(wire)
    transport.write(b"late")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.writes == []


async def test_all_else_is_asked_of_the_transport_itself(wire: Any) -> None:
    assert gathering(wire).is_closing() is False


class Parser:
    """Keeps what is handed on."""

    def __init__(self, wire: Any) -> None:
        self.slices: list[bytes] = []
        self.intake = Intake(wire, asyncio.get_running_loop(), self.take)

    def take(self, data: bytes | memoryview) -> None:
        self.slices.append(bytes(data))


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_short_is_handed_on_at_once(wire: Any) -> None:
    parser = Parser(wire)
    parser.intake.take(b"short")
    assert parser.slices == [b"short"]


async def test_much_is_handed_on_a_slice_in_each_turn_while_nothing_more_is_read(wire: Any) -> None:
    parser = Parser(wire)
    data = bytes(range(256)) * 256
    parser.intake.take(data)
    for number in range(4):
        assert (len(parser.slices), wire.is_read) == (number, False)
        await asyncio.sleep(0)
    assert b"".join(parser.slices) == data
    assert {len(one) for one in parser.slices} == {16 * 1024}
    assert wire.is_read


async def test_while_it_is_paused_nothing_is_handed_on(wire: Any) -> None:
    parser = Parser(wire)
    parser.intake.take(bytes(40_000))
    await asyncio.sleep(0)
    parser.intake.pause()
    await turns(5)
    assert (len(parser.slices), wire.is_read) == (1, False)
    parser.intake.resume()
    await turns(5)
    assert (sum(map(len, parser.slices)), wire.is_read) == (40_000, True)


async def test_what_is_discarded_is_never_handed_on(wire: Any) -> None:
    parser = Parser(wire)
    parser.intake.take(bytes(40_000))
    parser.intake.discard()
    await turns(5)
    assert (parser.slices, wire.is_read) == ([], True)
