"""Which heads are taken."""

from __future__ import annotations

import pytest

from serving.http.heads import MOST_FIELDS, refusal_of

HOST = (b"host", b"here")
CHUNKED = (b"transfer-encoding", b"chunked")


def test_a_usual_head_is_taken() -> None:
    assert refusal_of("1.1", [HOST, (b"accept", b"a"), (b"accept", b"b"), CHUNKED]) is None


def test_an_old_client_need_not_name_the_host() -> None:
    assert refusal_of("1.0", []) is None


@pytest.mark.parametrize(
    ("version", "fields", "status"),
    [
        ("2.0", [HOST], 505),
        ("0.9", [HOST], 505),
        ("1.1", [], 400),
        ("1.1", [HOST, (b"host", b"there")], 400),
        ("1.1", [HOST, HOST], 400),
        ("1.0", [HOST, HOST], 400),
        ("1.1", [HOST, (b"authorization", b"a"), (b"authorization", b"b")], 400),
        ("1.1", [HOST, (b"origin", b"a"), (b"origin", b"b")], 400),
        ("1.1", [HOST, (b"content-encoding", b"a"), (b"content-encoding", b"b")], 400),
        ("1.1", [HOST, CHUNKED, CHUNKED], 400),
        ("1.0", [HOST, CHUNKED], 400),
        ("1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")], 501),
        ("1.1", [HOST, (b"transfer-encoding", b"identity")], 501),
        ("1.1", [HOST, *[(b"a", b"b")] * MOST_FIELDS], 431),
    ],
)
def test_what_two_readers_could_understand_differently_is_not(
    version: str, fields: list[tuple[bytes, bytes]], status: int
) -> None:
    assert refusal_of(version, fields) == status
