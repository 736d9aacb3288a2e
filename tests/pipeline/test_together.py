"""What is asked for in one turn of the event loop is asked for at once, and told to each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pipeline.together import Together


class Squares:
    """Squares numbers; negative ones are errors, and 0 spoils a whole call."""

    def __init__(self) -> None:
        self.calls: list[Sequence[int]] = []
        self.together: Together[int, int] = Together(self._answer)

    async def _answer(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.calls.append(numbers)
        await asyncio.sleep(0)
        if 0 in numbers:
            raise ValueError("zero")
        return [one * one if one > 0 else ValueError(str(one)) for one in numbers]


async def test_what_is_asked_in_one_turn_is_one_call() -> None:
    squares = Squares()
    assert await asyncio.gather(*map(squares.together.ask, (3, 1, 2))) == [9, 1, 4]
    assert await squares.together.ask(5) == 25
    assert squares.calls == [[3, 1, 2], [5]]


async def test_an_error_that_is_one_s_answer_is_raised_to_no_other() -> None:
    asked = map(Squares().together.ask, (2, -7, 3))
    first, wrong, last = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, str(wrong), last) == (4, "-7", 9)


async def test_what_spoils_the_call_is_raised_to_all_and_to_none_later() -> None:
    squares = Squares()
    asked = map(squares.together.ask, (2, 0))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(one) for one in found] == ["zero", "zero"]
    assert await squares.together.ask(2) == 4


async def test_who_gives_up_stops_nothing() -> None:
    squares = Squares()
    asked = [asyncio.create_task(squares.together.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert await asked[1] == 9
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
