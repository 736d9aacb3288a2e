"""A connection to a real broker that breaks just before something is asked, on both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from aiokafka import conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from pipeline.kafka.connection import break_as_on_asyncio

Run = Callable[[Coroutine[Any, Any, None]], None]


async def ask_once_it_broke(kafka: str, steps: int) -> None:
    """Ask so many steps of the event loop after the break."""
    host, _, port = kafka.rpartition(":")
    connection = await conn.create_conn(host, int(port))
    connection._writer.transport.abort()
    for _ in range(steps):
        await asyncio.sleep(0)
    await connection.send(MetadataRequest([]))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("steps", range(5))
def test_whatever_is_asked_fails_as_a_lost_connection(kafka: str, steps: int, run: Run) -> None:
    break_as_on_asyncio()
    with pytest.raises(KafkaConnectionError):
        run(ask_once_it_broke(kafka, steps))
