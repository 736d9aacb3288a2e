"""A connection that is closed by one task while another one writes to it, on a real Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from pipeline.errors import InfrastructureError
from pipeline.settings import RedisSettings
from pipeline.store.client import connect, translated


async def ping(client: Redis) -> str:
    try:
        with translated("asking"):
            await client.ping()
    except InfrastructureError as error:
        return str(error)
    return "answered"


@pytest.mark.parametrize("steps", range(8))
async def test_whenever_it_is_closed_that_is_an_outage(redis_url: str, steps: int) -> None:
    client = connect(RedisSettings(redis_url))
    assert isinstance(client, Redis)
    pool: Any = client.connection_pool  # redis-py types only some of its methods
    connection = await pool.get_connection()
    await pool.release(connection)
    asking = asyncio.create_task(ping(client))
    for _ in range(steps):
        await asyncio.sleep(0)
    await connection.disconnect(nowait=True)
    assert await asking == "answered" or "Redis, asking: " in await asking
    await client.aclose()


def test_an_error_of_our_own_stays_what_it_is() -> None:
    with pytest.raises(AttributeError, match="nowhere"), translated("asking"):
        raise AttributeError("nowhere")
