"""One route: lets the request in, works within its limits, and answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pipeline.settings import HttpSettings
from serving.http.answers import send_answer
from serving.http.asgi import AsgiScope, Receive, Send
from serving.http.call import Call
from serving.http.gate import Gate
from serving.http.operation import Operation, Size
from serving.http.problems import CLOSE, unavailable

_TABLES = 4
_TABLE_TIMES = 10


@dataclass(slots=True)
class Room:
    """How many requests there is room for at once; more are sent away, not queued."""

    most: int
    taken: int = 0

    def __enter__(self) -> None:
        if self.taken >= self.most:
            raise unavailable("too_busy", "too many requests at once; try again")
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


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
        self._gate.admit(scope, call.headers, self.operation.access)
        with self._limits.room:
            try:
                async with asyncio.timeout(self._limits.seconds):
                    answer = await self.operation.run(call)
            except TimeoutError as error:
                slow = unavailable("took_too_long", f"not done in {self._limits.seconds:g} s")
                slow.headers = (*slow.headers, *CLOSE)
                raise slow from error
        await send_answer(send, answer)
