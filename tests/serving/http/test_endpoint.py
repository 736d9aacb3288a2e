"""Room for requests: who gives way when there is none left, and what is answered all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.settings import HttpSettings
from serving.http.asgi import AsgiScope, Message
from serving.http.call import Call
from serving.http.endpoint import Room
from serving.http.problems import Problem
from tests.serving.http.rig import FAR, Service

HEALTH = ("/v2/health/live", "/v2/health/ready")
PREDICT = {
    "tenure": 4,
    "usage": 22.5,
    "age": 34,
    "monthly_charges": 59.9,
    "contract_type": "Month-to-month",
}


class Coming:
    """A request to /predict whose body comes when it is let, as `part` of it."""

    def __init__(self, part: bytes = b"") -> None:
        self.scope: AsgiScope = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "raw_path": b"/predict",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        self._messages = [{"type": "http.request", "body": part, "more_body": True}]
        self.let = asyncio.Event()
        self.answer: list[Message] = []

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await self.let.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        self.answer.append(message)

    @property
    def status(self) -> int:
        status: int = self.answer[0]["status"]
        return status

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        return dict(self.answer[0]["headers"])

    def call(self) -> Call:
        return Call(self.scope, self.receive, 1 << 20)


@pytest.mark.parametrize("path", HEALTH)
async def test_health_is_answered_while_there_is_no_room(path: str) -> None:
    service = Service(settings=HttpSettings(concurrent=1))
    slow = Coming()
    task = asyncio.create_task(service.app(slow.scope, slow.receive, slow.send))
    await asyncio.sleep(0)
    async with service.caller() as caller:
        assert (await caller.post("/predict", json=PREDICT)).status_code == 503
        assert (await caller.get(path)).status_code == 200
    slow.let.set()
    await task


@pytest.mark.parametrize("path", HEALTH)
async def test_health_is_answered_however_often_a_stranger_asks(path: str) -> None:
    service = Service(settings=HttpSettings(host="0.0.0.0", address_rate=0.01))
    async with service.caller(FAR, "churn.example") as caller:
        assert {(await caller.get(path)).status_code for _ in range(5)} == {200}
        assert {(await caller.get("/")).status_code for _ in range(2)} == {200, 429}


async def held(room: Room, coming: Coming, after: float) -> tuple[Call, asyncio.Task[bool]]:
    """A request in the room that has waited for its body for some seconds; whether it may stay."""
    call = coming.call()
    began = asyncio.Event()

    async def answering() -> bool:
        try:
            async with asyncio.timeout(30) as limit:
                room.enter(call, limit)
                began.set()
                await call.body()
        except TimeoutError:
            return False
        return True

    task = asyncio.create_task(answering())
    await began.wait()
    await asyncio.sleep(0)
    assert call._began is not None
    call._began -= after
    return call, task


async def entered(room: Room) -> bool:
    try:
        room.enter(Coming().call(), asyncio.timeout(30))
    except Problem:
        return False
    return True


async def test_the_slowest_gives_way() -> None:
    room, slow, slower = Room(2), Coming(b"ab"), Coming(b"a")
    _, stays = await held(room, slow, after=3)
    _, goes = await held(room, slower, after=3)
    assert await entered(room)
    assert await goes is False
    slow.let.set()
    assert await stays is True


@pytest.mark.parametrize(
    ("part", "after"), [(b"", 1), (bytes(1 << 18), 3)], ids=["it has just begun", "it is fast"]
)
async def test_who_is_not_slow_does_not_give_way(part: bytes, after: float) -> None:
    room, coming = Room(1), Coming(part)
    _, stays = await held(room, coming, after)
    assert not await entered(room)
    coming.let.set()
    assert await stays is True


async def test_who_has_brought_its_body_does_not_give_way() -> None:
    room, coming = Room(1), Coming()
    call = coming.call()
    coming.let.set()
    async with asyncio.timeout(30) as limit:
        room.enter(call, limit)
        await call.body()
        assert call._began is not None
        call._began -= 10
        assert not await entered(room)
        room.leave(call)
    assert await entered(room)


async def test_who_gives_way_is_told_so_and_may_try_again(monkeypatch: Any) -> None:
    monkeypatch.setattr("serving.http.call._SLOW_SECONDS", 0.0)
    service = Service(settings=HttpSettings(concurrent=1))
    slow = Coming()
    task = asyncio.create_task(service.app(slow.scope, slow.receive, slow.send))
    await asyncio.sleep(0.01)
    async with service.caller() as caller:
        assert (await caller.post("/predict", json=PREDICT)).status_code == 200
    await task
    assert slow.status == 503
    assert b"too_slow" in slow.answer[1]["body"]
    assert (slow.headers[b"retry-after"], slow.headers[b"connection"]) == (b"1", b"close")
