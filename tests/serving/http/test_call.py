"""Bodies: read no further than the limit, plain or compressed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence

import pytest

from serving.http.asgi import CallerGone, Message
from serving.http.call import Call
from serving.http.problems import Problem

LIMIT = 1_000
MUCH, STEP = 1024 * 1024, 64 * 1024


class Connection:
    """Hands out a body in parts, and counts how many were asked for."""

    def __init__(self, parts: Sequence[bytes], *, whole: bool = True) -> None:
        self._messages: list[Message] = [
            {"type": "http.request", "body": part, "more_body": number < len(parts) or not whole}
            for number, part in enumerate(parts, 1)
        ]
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        return self._messages.pop(0) if self._messages else {"type": "http.disconnect"}


def call(connection: Connection, **headers: str) -> Call:
    sent = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Call({"headers": sent}, connection.receive, LIMIT)


async def refusal(connection: Connection, **headers: str) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        await call(connection, **headers).body()
    return refused.value.status, refused.value.issues[0].reason


async def test_a_body_in_parts_is_put_together() -> None:
    assert await call(Connection([b"a", b"b", b""])).body() == b"ab"


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    assert await call(Connection([b"x" * LIMIT])).body() == b"x" * LIMIT


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    connection = Connection([b"x"])
    assert await refusal(connection, content_length=str(LIMIT + 1)) == (413, "too_large")
    assert connection.asked == 0


async def test_a_body_that_does_not_say_so_is_read_only_up_to_the_limit() -> None:
    connection = Connection([b"x" * 400] * 10)
    assert await refusal(connection) == (413, "too_large")
    assert connection.asked == 3


async def test_a_length_that_is_no_number_does_not_help() -> None:
    assert await refusal(Connection([b"x" * 2_000]), content_length="-5") == (413, "too_large")


async def test_after_a_refused_body_the_connection_ends() -> None:
    with pytest.raises(Problem) as refused:
        await call(Connection([b"x" * 2_000])).body()
    assert (b"connection", b"close") in refused.value.headers


async def test_a_compressed_body_is_decompressed() -> None:
    body = Connection([gzip.compress(b"hello")])
    assert await call(body, content_encoding="gzip").body() == b"hello"


async def test_a_compressed_body_counts_by_what_it_becomes() -> None:
    bomb = gzip.compress(b"x" * 100_000)
    assert len(bomb) < LIMIT
    assert await refusal(Connection([bomb]), content_encoding="gzip") == (413, "too_large")


@pytest.mark.parametrize("size", [0, 1, STEP, STEP + 1, 3 * STEP])
async def test_a_compressed_body_may_become_of_any_size(size: int) -> None:
    plain = bytes(size)
    packed = gzip.compress(plain)
    parts = [packed[:10], packed[10:-3], packed[-3:]]
    sent = [(b"content-encoding", b"gzip")]
    assert await Call({"headers": sent}, Connection(parts).receive, MUCH).body() == plain


async def test_a_bomb_is_decompressed_a_step_a_turn_and_no_further_than_the_limit() -> None:
    bomb, turns = gzip.compress(bytes(100 * MUCH)), 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    sent = [(b"content-encoding", b"gzip")]
    parts = Call({"headers": sent}, Connection([bomb]).receive, MUCH).parts()
    steps = [len(await anext(parts)) for _ in range(MUCH // STEP)]
    with pytest.raises(Problem, match="too_large"):
        await anext(parts)
    counting.cancel()
    assert set(steps) == {STEP}
    assert turns >= len(steps) - 1


async def test_a_body_of_many_small_parts_is_put_together() -> None:
    parts = [b"x"] * LIMIT
    assert await call(Connection(parts)).body() == b"x" * LIMIT


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(b"hello")[:-3], gzip.compress(b"hello") + b"more", b""],
    ids=["other bytes", "cut off", "and more", "empty"],
)
async def test_what_is_not_one_whole_stream_is_refused(body: bytes) -> None:
    assert await refusal(Connection([body]), content_encoding="gzip") == (400, "not_gzip")


async def test_another_compression_is_refused() -> None:
    refused = await refusal(Connection([b"x"]), content_encoding="br")
    assert refused == (415, "unsupported_encoding")


async def test_a_caller_who_hangs_up_is_noticed() -> None:
    with pytest.raises(CallerGone):
        await call(Connection([b"half"], whole=False)).body()
