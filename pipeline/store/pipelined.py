"""Small Redis scripts of one turn of the event loop, in one round trip: one alone costs much more.

A large one goes by itself, at once: Redis works on it while the next one is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.together import Together

Command = tuple[Any, ...]

_SMALL = 200  # keys and arguments


class Pipelined:
    """The part of a client of one server that runs scripts.

    Each script is a step of its own on the server; what one of them raises is its caller's alone.
    """

    def __init__(self, client: Any) -> None:
        """`client` is redis-py's asynchronous one; a cluster's takes no scripts in a pipeline."""
        self._client = client
        self._commands: Together[Command, Any] = Together(self._run)

    async def evalsha(self, digest: str, keys: int, *arguments: Any) -> Any:
        """The answer of a script that the server knows."""
        if len(arguments) > _SMALL:
            return await self._client.evalsha(digest, keys, *arguments)
        return await self._commands.ask(("EVALSHA", digest, keys, *arguments))

    async def eval(self, source: str, keys: int, *arguments: Any) -> Any:
        """The answer of a script."""
        return await self._commands.ask(("EVAL", source, keys, *arguments))

    async def _run(self, commands: Sequence[Command]) -> Sequence[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: Sequence[Any] = await pipeline.execute(raise_on_error=False)
            return answers
