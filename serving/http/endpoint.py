"""One route: lets the request in, works within its limits, and answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pipeline.settings import HttpSettings
from serving.http.answers import Answer, send_answer
from serving.http.asgi import AsgiScope, Receive, Send
from serving.http.call import Call
from serving.http.gate import Gate
from serving.http.operation import Operation, Size
from serving.http.problems import CLOSE, unavailable

_TABLES = 4
_TABLE_TIMES = 10


class Room:
    """How many requests there is room for at once; more are sent away, not queued.

    Where there is none left, the request whose body comes slowest gives way, if it is slow.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[Call, asyncio.Timeout] = {}

    def enter(self, call: Call, limit: asyncio.Timeout) -> None:
        """Take room for a request, which `limit` can end. Raises Problem where there is none."""
        if len(self._taken) >= self._most:
            self._make_room(asyncio.get_running_loop().time())
        self._taken[call] = limit

    def leave(self, call: Call) -> None:
        """It needs none any more."""
        self._taken.pop(call, None)

    def has(self, call: Call) -> bool:
        """Whether it has not had to give way."""
        return call in self._taken

    def _make_room(self, now: float) -> None:
        rates = {call: rate for call in self._taken if (rate := call.rate(now)) is not None}
        if not rates:
            raise unavailable("too_busy", "too many requests at once; try again")
        slowest = min(rates, key=rates.__getitem__)
        self._taken.pop(slowest).reschedule(now)


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for a request: its seconds, its bytes, and how many there may be at once."""

    seconds: float
    body_bytes: int
    room: Room


def limits_of(settings: HttpSettings) -> dict[Size, Limits]:
    """What the settings allow; a table is much work, and there is room for few."""
    table_seconds = settings.seconds * _TABLE_TIMES
    return {
        Size.DOCUMENT: Limits(settings.seconds, settings.body_bytes, Room(settings.concurrent)),
        Size.TABLE: Limits(table_seconds, settings.csv_bytes, Room(_TABLES)),
    }


class Endpoint:
    """An operation as an ASGI application. Raises Problem, and whatever the operation raises."""

    def __init__(self, operation: Operation, gate: Gate, limits: Limits) -> None:
        self.operation = operation
        self._gate = gate
        self._limits = limits

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        call = Call(scope, receive, self._limits.body_bytes)
        if self.operation.is_always_answered:
            await send_answer(send, await self.operation.run(call))
            return
        self._gate.admit(scope, call.headers, self.operation.access)
        await send_answer(send, await self._answer(call))

    async def _answer(self, call: Call) -> Answer:
        """Within the limits. Raises Problem."""
        room, seconds = self._limits.room, self._limits.seconds
        try:
            async with asyncio.timeout(seconds) as limit:
                room.enter(call, limit)
                return await self.operation.run(call)
        except TimeoutError as error:
            if room.has(call):
                problem = unavailable("took_too_long", f"not done in {seconds:g} s")
            else:
                problem = unavailable("too_slow", "others had to wait for the body; try again")
            problem.headers = (*problem.headers, *CLOSE)
            raise problem from error
        finally:
            room.leave(call)
