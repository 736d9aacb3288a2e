"""A connection within its bounds: what is taken, who waits too long, and who has to go."""

from __future__ import annotations

import asyncio

import pytest

from serving.http.connections import Bounds
from serving.http.heads import MOST_BYTES, MOST_FIELDS
from tests.serving.http.wire import Answers, Wired, until, wired

HASTY = Bounds(
    head_seconds=0.2, body_seconds=0.2, answer_seconds=0.2, close_seconds=0.2, body_rate=1e6
)
GET = b"GET /a HTTP/1.1\r\nHost: here\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


def head(*fields: bytes, method: bytes = b"POST", path: bytes = b"/a") -> bytes:
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, path), b"Host: here", *fields, b"", b""])


def chunked(*chunks: bytes, path: bytes = b"/a") -> bytes:
    return head(b"Transfer-Encoding: chunked", path=path) + b"".join(chunks)


def padded(size: int) -> bytes:
    """A head of so many bytes."""
    return head(b"X-A: " + b"a" * (size - len(head(b"X-A: "))))


async def test_an_answer_tells_path_body_and_fields() -> None:
    async with wired() as service:
        answers = await service.asked(
            head(b"Content-Length: 5", b"Connection: close") + b"hel", b"lo"
        )
    (said,) = answers.said
    assert said == {
        "path": "/a",
        "body": "hello",
        "fields": ["host", "content-length", "connection"],
    }


# Heads


@pytest.mark.parametrize("step", [MOST_BYTES, 10_000], ids=["at once", "in pieces"])
@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
async def test_a_head_has_64_kb_at_most(step: int, more: int, status: int) -> None:
    whole = padded(MOST_BYTES + more)
    pieces = [whole[start : start + step] for start in range(0, len(whole), step)]
    async with wired() as service:
        answers = await (await (await service.peer()).says(*pieces)).hears(1)
    assert answers.statuses == [status]


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
async def test_a_head_has_100_fields_at_most(more: int, status: int) -> None:
    fields = [b"X-A: b"] * (MOST_FIELDS - 2 + more)
    async with wired() as service:
        answers = await service.asked(head(b"Connection: close", *fields))
    assert answers.statuses == [status]


@pytest.mark.parametrize("piece", [b"a", b"a: b\r\n"], ids=["one field", "many fields"])
async def test_of_a_head_without_end_no_more_is_read(piece: bytes) -> None:
    async with wired() as service:
        peer = await service.peer()
        await peer.says(head()[:-2] + b"X-A: ", *[piece * 10_000] * 500)
        answers = await peer.hears()
    assert answers.statuses in ([431], [])  # none where the peer did not listen


async def test_a_refusal_is_in_the_form_of_all_errors() -> None:
    async with wired() as service:
        answers = await service.asked(padded(MOST_BYTES + 1))
    (said,) = answers.said
    assert [one["reason"] for one in said["errors"]] == ["head_too_large"]
    assert said["error"].startswith("head_too_large: ")
    assert len(said["request_id"]) == 32


SHAPES = {
    "no HTTP": b"hello\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": head(b"Host: there"),
    "two lengths": head(b"Content-Length: 1", b"Content-Length: 2") + b"ab",
    "a list of lengths": head(b"Content-Length: 1, 1") + b"a",
    "a length with a sign": head(b"Content-Length: +1") + b"a",
    "length and chunks": chunked(b"0\r\n\r\n").replace(
        b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"
    ),
    "chunks in other words": head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "chunks of gzip": head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "chunks, then something": head(b"Transfer-Encoding: chunked, x") + b"0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded field": head(b"X-A: b\r\n c"),
    "a space before the colon": head(b"X-A : b"),
    "a field without a name": head(b": b"),
    "a NUL": head(b"X-A: a\0b"),
    "a lone CR": head(b"X-A: a\rX-B: b"),
    "lines without CR": b"GET / HTTP/1.1\nHost: here\n\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version to come": b"GET / HTTP/2.0\r\nHost: here\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a tunnel": b"CONNECT there:443 HTTP/1.1\r\nHost: there:443\r\n\r\n",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_what_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    shape: bytes,
) -> None:
    async with wired() as service:
        answers = await service.asked(shape + LAST)
    assert len(answers.statuses) == 1
    assert answers.statuses[0] in (400, 501, 505)
    assert "/last" not in service.app.paths


async def test_a_chunk_that_is_none_is_refused_and_its_request_goes_unanswered() -> None:
    async with wired() as service:
        answers = await service.asked(chunked(b"2\r\nab\r\n"), b"zz\r\n" + LAST)
    assert (answers.statuses, answers.reasons) == ([400], ["malformed"])
    assert service.app.paths == ["/a"]
    assert service.app.gone == 1


async def test_another_protocol_is_not_taken_up_and_nothing_behind_it_is_read() -> None:
    offer = head(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 70")
    async with wired() as service:
        answers = await service.asked(offer, LAST)
    assert (answers.statuses, answers.keeps) == ([200], [False])
    assert service.app.paths == ["/a"]


async def test_what_comes_behind_a_body_is_no_field_of_the_head() -> None:
    request = chunked(b"2\r\nab\r\n0\r\nAuthorization: x\r\nHost: there\r\n\r\n", path=b"/late")
    async with wired() as service:
        peer = await (await service.peer()).says(request + LAST)
        service.app.let.set()
        answers = await peer.hears()
    assert [one["fields"] for one in answers.said] == [
        ["host", "transfer-encoding"],
        ["host", "connection"],
    ]


# Bodies


@pytest.mark.parametrize(
    "around",
    [b"1;" + b"x" * 2 * MOST_BYTES, b"0\r\n" + b"X: y\r\n" * 200, b"0\r\nX: " + b"y" * MOST_BYTES],
    ids=["a chunk's extension", "many trailers", "a long trailer"],
)
async def test_what_comes_around_a_body_is_bounded_like_a_head(around: bytes) -> None:
    async with wired() as service:
        answers = await service.asked(chunked(around))
    assert answers.statuses == [431]


async def test_small_chunks_are_put_together() -> None:
    async with wired() as service:
        request = chunked(*[b"1;a=b\r\nx\r\n"] * 20_000, b"0\r\n\r\n") + LAST
        answers = await service.asked(request)
    assert answers.said[0]["body"] == "x" * 20_000
    assert answers.paths == ["/a", "/last"]


async def test_an_early_answer_is_heard_by_who_is_still_sending() -> None:
    body = bytes(700_000)
    async with wired() as service:
        request = head(b"Content-Length: %d" % len(body), path=b"/hasty")
        peer = await service.peer()
        await peer.says(request)
        await asyncio.sleep(0.05)  # it has been answered
        await peer.says(*[body[:70_000]] * 10)
        answers = await peer.hears()
    assert answers.paths == ["/hasty"]


# Pipelines


async def test_requests_that_come_together_are_answered_in_their_order() -> None:
    requests = [head(method=b"GET", path=b"/%d" % number) for number in range(10)]
    async with wired() as service:
        answers = await service.asked(b"".join(requests) + LAST)
    assert answers.paths == [*(f"/{number}" for number in range(10)), "/last"]


async def test_of_too_many_that_come_together_the_first_are_answered() -> None:
    async with wired() as service:
        answers = await service.asked(GET * 5_000)
    assert answers.statuses == [200] * 17
    assert answers.keeps == [True] * 16 + [False]


async def test_what_is_malformed_does_not_overtake_the_answers_before_it() -> None:
    async with wired() as service:
        peer = await (await service.peer()).says(head(path=b"/late") + GET + b"hello\r\n\r\n")
        await asyncio.sleep(0.02)
        service.app.let.set()
        answers = await peer.hears()
    assert (answers.statuses, answers.keeps) == ([200, 200], [True, False])


async def test_a_broken_body_behind_other_requests_does_not_overtake_them() -> None:
    async with wired() as service:
        peer = await service.peer()
        await peer.says(head(path=b"/late") + chunked(b"zz\r\n", path=b"/broken"))
        await asyncio.sleep(0.02)
        service.app.let.set()
        answers = await peer.hears()
    assert (answers.paths, service.app.paths) == (["/late"], ["/late"])


# Time


async def timed_out(service: Wired, *parts: bytes, drip: bytes = b"") -> Answers:
    """What is heard by who says these, and then a drip as often as it can."""
    peer = await (await service.peer()).says(*parts)

    async def dripping() -> None:
        while drip:
            await peer.says(drip)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(dripping())
    try:
        return await peer.hears()
    finally:
        task.cancel()


@pytest.mark.parametrize("drip", [b"", b"a"])
async def test_a_head_has_to_come_in_time(drip: bytes) -> None:
    async with wired(HASTY) as service:
        answers = await timed_out(service, head()[:-2] + b"X-A: ", drip=drip)
    assert (answers.statuses, answers.reasons) == ([408], ["too_slow"])


@pytest.mark.parametrize(
    ("request_", "drip"),
    [
        (head(b"Content-Length: 100000"), b""),
        (head(b"Content-Length: 100000"), b"a"),
        (chunked(), b"1\r\na\r\n"),
        (chunked(b"1;"), b"a"),
    ],
)
async def test_a_body_has_to_come_in_time(request_: bytes, drip: bytes) -> None:
    async with wired(HASTY) as service:
        answers = await timed_out(service, request_, drip=drip)
    assert (answers.statuses, answers.reasons) == ([408], ["too_slow"])
    assert service.app.gone == 1


async def test_a_body_that_comes_fast_enough_has_the_time_it_needs() -> None:
    bounds = Bounds(body_seconds=0.1, body_rate=1_000)
    async with wired(bounds) as service:
        peer = await (await service.peer()).says(head(b"Content-Length: 10000"))
        for _ in range(10):
            await peer.says(b"a" * 1_000)
            await asyncio.sleep(0.1)
        answers = await peer.hears(1)
    assert answers.statuses == [200]


@pytest.mark.parametrize("said", [b"", b"\r\n" * 100], ids=["silent", "empty lines"])
async def test_who_asks_nothing_is_let_go(said: bytes) -> None:
    async with wired(HASTY) as service:
        assert await (await (await service.peer()).says(said)).is_closed()


async def test_who_asks_nothing_more_is_let_go() -> None:
    async with wired(idle_seconds=0) as service:
        answers = await service.asked(GET)
    assert answers.statuses == [200]


async def test_an_answer_that_takes_long_is_waited_for() -> None:
    async with wired(HASTY, idle_seconds=0) as service:
        peer = await (await service.peer()).says(head(path=b"/late"))
        await asyncio.sleep(1.2)  # the guard has looked twice
        service.app.let.set()
        assert (await peer.hears()).statuses == [200]


async def test_who_does_not_read_an_answer_is_dropped() -> None:
    async with wired(HASTY) as service:
        peer = await service.peer()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined] # a stream's can
        await peer.says(head(path=b"/large"))
        await until(lambda: not service.count)


# Many


async def test_of_one_peer_who_waited_longest_goes_first_and_the_others_are_answered() -> None:
    async with wired(Bounds(of_peer=3)) as service:
        peers = [await service.peer() for _ in range(5)]
        assert [await one.is_closed() for one in peers[:2]] == [True, True]
        for one in peers[2:]:
            assert (await (await one.says(LAST)).hears()).statuses == [200]


async def test_who_is_being_answered_does_not_go_for_others() -> None:
    async with wired(Bounds(of_peer=1)) as service:
        peer = await (await service.peer()).says(head(path=b"/late"))
        await service.until_asked("/late")
        assert (await service.asked(LAST)).statuses == [200]
        assert (await service.asked(LAST)).statuses == [200]
        service.app.let.set()
        assert (await peer.hears(1)).statuses == [200]


async def test_half_a_body_makes_room_for_others() -> None:
    async with wired(Bounds(of_peer=1)) as service:
        peer = await (await service.peer()).says(head(b"Content-Length: 10") + b"half")
        await service.until_asked("/a")
        assert (await service.asked(LAST)).statuses == [200]
        assert await peer.is_closed()


async def test_a_proxy_has_as_many_connections_as_there_may_be() -> None:
    async with wired(Bounds(connections=4, of_peer=1), proxies=("127.0.0.1",)) as service:
        peers = [await service.peer() for _ in range(5)]
        assert await peers[0].is_closed()
        for one in peers[1:]:
            assert (await (await one.says(LAST)).hears()).statuses == [200]


async def test_while_a_thousand_say_nothing_everybody_else_is_answered() -> None:
    async with wired(Bounds(connections=200, of_peer=100)) as service:
        for _ in range(20):
            await asyncio.gather(*(service.peer() for _ in range(50)))
            assert (await service.asked(LAST)).statuses == [200]
        assert service.count <= 200
