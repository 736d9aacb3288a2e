"""Answers of the server itself, to what never becomes a request of the application."""

from __future__ import annotations

import os
from http import HTTPStatus

from serving.http.answers import answer_of
from serving.http.heads import REASONS
from serving.http.problems import CLOSE, SECURE, Issue, Problem

_ID_BYTES = 16


def new_request_id() -> str:
    """An id for a request that brings none."""
    return os.urandom(_ID_BYTES).hex()


def refusal(status: HTTPStatus) -> bytes:
    """A whole answer, in the form of all errors, after which the connection ends."""
    reason, detail = REASONS[status]
    request_id = new_request_id()
    answer = answer_of(Problem(status, Issue(reason, detail=detail), headers=CLOSE), request_id)
    body = answer.body if isinstance(answer.body, bytes) else b""
    headers = (
        (b"content-type", answer.kind),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        *SECURE,
        *answer.headers,
    )
    head = b"".join(b"%b: %b\r\n" % field for field in headers)
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, status.phrase.encode(), head, body)
