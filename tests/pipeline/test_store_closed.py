"""A connection that is closed while a task writes to it, on a real Redis and both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis

from pipeline.errors import InfrastructureError
from pipeline.settings import RedisSettings
from pipeline.store.client import connect, translated

Run = Callable[[Coroutine[Any, Any, str]], str]
Close = Callable[[Any], Coroutine[Any, Any, None]]


async def by_us(connection: Any) -> None:
    """Another task of ours lets go of it."""
    await connection.disconnect(nowait=True)


async def from_outside(connection: Any) -> None:
    """The network breaks it."""
    connection._writer.transport.abort()  # nothing else closes it at this very step


async def ping(client: Redis) -> str:
    try:
        with translated("asking"):
            await client.ping()
    except InfrastructureError as error:
        return str(error)
    return "answered"


async def closed_meanwhile(redis_url: str, steps: int, close: Close) -> str:
    """What becomes of a ping when its connection is closed so many steps of the loop later."""
    client = connect(RedisSettings(redis_url))
    assert isinstance(client, Redis)
    pool: Any = client.connection_pool  # redis-py types only some of its methods
    connection = await pool.get_connection()
    await pool.release(connection)
    asking = asyncio.create_task(ping(client))
    for _ in range(steps):
        await asyncio.sleep(0)
    await close(connection)
    told = await asking
    await client.aclose()
    return told


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("close", [by_us, from_outside])
@pytest.mark.parametrize("steps", range(8))
def test_whenever_it_is_closed_that_is_an_outage(
    redis_url: str, steps: int, close: Close, run: Run
) -> None:
    told = run(closed_meanwhile(redis_url, steps, close))
    assert told == "answered" or "Redis, asking: " in told


def test_an_error_of_our_own_stays_what_it_is() -> None:
    with pytest.raises(AttributeError, match="nowhere"), translated("asking"):
        raise AttributeError("nowhere")
