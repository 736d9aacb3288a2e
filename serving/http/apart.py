"""Trouble with one name is no other's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from pipeline.errors import PipelineError

Told = TypeVar("Told")

Find = Callable[[Sequence[str]], Awaitable[Mapping[str, Told]]]


async def found_apart(find: Find[Told], names: Sequence[str]) -> Sequence[Told | Exception | None]:
    """What is found of each name, None where there is nothing; trouble with one is no other's."""
    try:
        found = await find(names)
    except PipelineError as error:
        if len(names) == 1:
            return [error]
        alone = await asyncio.gather(*(found_apart(find, [name]) for name in names))
        return [one for (one,) in alone]
    return [found.get(name) for name in names]
