"""The loader, on a server that answers as told; and what is made of its findings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

import use_cases
from benchmarks.http import loader
from benchmarks.http.contest import AGAIN, FLASK, _measures, _ratios
from benchmarks.http.loader import CONNECTIONS, Load, Pause, Request, load
from benchmarks.http.questions import questions
from pipeline.declaration.form_reading import FormReader

LEAST = 3 * CONNECTIONS


class Script(asyncio.Protocol):
    """Answers each request by what `answer` gives for its number; notes how it was asked."""

    calls = 0
    asked: list[bytes]

    def __init__(self, answer: Callable[[int], bytes], asked: list[bytes]) -> None:
        self._answer = answer
        self.asked = asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # a stream's is one

    def data_received(self, data: bytes) -> None:
        self.asked.append(data)
        answer = self._answer(len(self.asked))
        self._transport.write(answer)
        if b"close" in answer:
            self._transport.close()


@asynccontextmanager
async def serving(answer: Callable[[int], bytes], asked: list[bytes]) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Script(answer, asked), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def until_many(asked: list[bytes]) -> Pause:
    """Lets the load last until there were some answers on each connection, however slow."""

    async def pause(_: float) -> None:
        async with asyncio.timeout(60):
            while len(asked) < LEAST:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.001)

    return pause


def answered(status: int = 200, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} Told\r\nContent-Length: 2\r\n{more}\r\n{{}}".encode()


@pytest.fixture(autouse=True)
def _no_warming_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_WARM_SECONDS", 0.0)


async def test_every_answer_is_counted_and_asked_by_turns() -> None:
    asked: list[bytes] = []
    wanted = [Request("POST", "/a", "{}"), Request("GET", "/b")]
    async with serving(lambda _: answered(), asked) as port:
        found = await load(port, wanted, 1, until_many(asked))
    assert found.good
    assert 0 < found.p50 <= found.p99
    assert found.statuses[200] <= len(asked) <= found.statuses[200] + CONNECTIONS
    assert asked[0] == wanted[0].encode() != asked[1] == wanted[1].encode()


async def test_what_is_not_answered_with_200_is_not_good() -> None:
    asked: list[bytes] = []
    async with serving(lambda n: answered(500 if n == 3 else 200), asked) as port:
        found = await load(port, [Request("GET", "/")], 1, until_many(asked))
    assert (found.good, found.statuses[500]) == (False, 1)


async def test_a_server_that_closes_is_called_again() -> None:
    asked: list[bytes] = []
    async with serving(lambda _: answered(more="Connection: close\r\n"), asked) as port:
        found = await load(port, [Request("GET", "/")], 1, until_many(asked))
    assert found.good
    assert sum(found.statuses.values()) > CONNECTIONS


def test_a_server_without_an_answer_gives_no_load() -> None:
    assert not Load({}, 1.0, 0.0, 0.0).good


def test_ratios_are_those_within_each_round() -> None:
    (question, *_) = questions()
    rounds = [
        {"": of(80, 2.0), FLASK: of(1, 40.0), AGAIN: of(40, 2.0)},
        {"": of(90, 9.0), FLASK: of(3, 30.0), AGAIN: of(90, 1.0)},
    ]
    ratio, noise = _ratios(question, rounds)
    assert (ratio.rounds, ratio.met) == ((80.0, 30.0), False)
    assert noise.rounds == (0.5, 1.0)
    *_, share = _measures(question, rounds)
    assert share.rounds == pytest.approx((0.05, 0.3))


def of(rate: int, p99: float) -> Load:
    return Load({200: rate}, 1.0, p99 / 2, p99)


def test_both_servers_are_asked_for_what_the_form_allows() -> None:
    reader = FormReader(use_cases.load_form("subscription_churn"))
    predict, infer, _ = questions()
    rows = [json.loads(one.body) for one in predict.ours]
    assert all(reader.row(row) for row in rows)
    assert predict.flask == infer.flask == predict.ours
    sent = [
        {tensor["name"]: tensor["data"][0] for tensor in json.loads(one.body)["inputs"]}
        for one in infer.ours
    ]
    assert sent == rows
