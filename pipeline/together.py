"""What several askers ask for in one turn of the event loop, asked for at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")

Turn = AbstractAsyncContextManager[None]
"""What a call waits for. A lock lets one call gather those of the next: few questions cost more."""

AT_ONCE: Turn = nullcontext()


class Together(Generic[Asked, Told]):
    """Hands all questions of one turn of the event loop on in one call, once it is their `turn`.

    What is asked until then goes with them. `answer` gives an answer for each question, in their
    order; one that is an error is raised to whoever asked. Whatever `answer` raises is raised to
    all. Who gives up meanwhile stops nothing.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Asked]], Awaitable[Sequence[Told | Exception]]],
        turn: Turn = AT_ONCE,
    ) -> None:
        self._answer = answer
        self._turn = turn
        self._waiting: list[tuple[Asked, asyncio.Future[Told]]] = []
        self._turns: set[asyncio.Task[None]] = set()

    async def ask(self, question: Asked) -> Told:
        """The answer to one of the questions."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            turn = loop.create_task(self._answer_waiting())
            self._turns.add(turn)  # the loop itself would forget it
            turn.add_done_callback(self._turns.discard)
        done: asyncio.Future[Told] = loop.create_future()
        self._waiting.append((question, done))
        return await done

    async def _answer_waiting(self) -> None:
        async with self._turn:
            await self._answer_all()

    async def _answer_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        answers: Sequence[Told | Exception]
        try:
            answers = await self._answer([question for question, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            answers = [error] * len(waiting)
        for (_, done), answer in zip(waiting, answers, strict=True):
            if done.done():  # its asker has given up
                continue
            if isinstance(answer, Exception):
                done.set_exception(answer)
            else:
                done.set_result(answer)
