"""Scripts that share a round trip: each has its own answer, or its own error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import NoScriptError, ResponseError

from embedded.ports import free_port
from pipeline.store.pipelined import Pipelined

NAME = "pipelined"
ECHO = "return {KEYS[1], ARGV[1]}"
WRONG = "return redis.call('HGET', KEYS[1])"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    async with Redis.from_url(redis_url, client_name=NAME) as client:
        yield client


async def test_scripts_of_one_turn_have_their_own_answers_and_errors(client: Any) -> None:
    scripts = Pipelined(client)
    asked = (
        scripts.eval(ECHO, 1, "k1", "a"),
        scripts.eval(WRONG, 1, "k2"),
        scripts.evalsha("0" * 40, 1, "k3"),
        scripts.eval(ECHO, 1, "k4", "b"),
    )
    found: list[Any] = [*await asyncio.gather(*asked, return_exceptions=True)]
    first, wrong, unknown, last = found
    assert (first, last) == ([b"k1", b"a"], [b"k4", b"b"])
    assert isinstance(wrong, ResponseError)
    assert isinstance(unknown, NoScriptError)


async def test_scripts_of_one_turn_share_a_connection(client: Any) -> None:
    scripts = Pipelined(client)
    await asyncio.gather(*(scripts.eval(ECHO, 1, "k", "a") for _ in range(20)))
    assert [one["name"] for one in await client.client_list()].count(NAME) == 1


async def test_large_scripts_go_side_by_side(client: Any) -> None:
    scripts = Pipelined(client)
    many = [str(number) for number in range(500)]
    digest = await client.script_load("return #ARGV")
    asked = (scripts.evalsha(digest, 0, *many) for _ in range(3))
    assert await asyncio.gather(*asked) == [500] * 3
    assert [one["name"] for one in await client.client_list()].count(NAME) > 1


async def test_a_server_that_is_away_is_told_to_each() -> None:
    async with Redis(port=free_port()) as away:
        scripts = Pipelined(away)
        asked = (scripts.eval(ECHO, 1, "k", "a") for _ in range(3))
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(one, Lost) for one in found)
    assert len(found) == 3
