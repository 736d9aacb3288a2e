"""Answers on their way out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from serving.http.asgi import Send
from serving.http.problems import Headers, Issue, Problem

JSON = b"application/json"

encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """A whole answer."""

    body: bytes
    status: int = HTTPStatus.OK
    kind: bytes = JSON
    headers: Headers = ()


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every answer that is an error; `error` is all issues in one line."""

    error: str
    errors: tuple[Issue, ...]
    request_id: str


def as_json(value: Any, status: int = HTTPStatus.OK) -> Answer:
    """A value as JSON."""
    return Answer(encode(value), status)


def answer_of(problem: Problem, request_id: str) -> Answer:
    """What a problem says to the caller."""
    body = ErrorAnswer(str(problem), problem.issues, request_id)
    return Answer(encode(body), problem.status, JSON, problem.headers)


async def send_answer(send: Send, answer: Answer) -> None:
    """Hand an answer to the server."""
    length = str(len(answer.body)).encode()
    headers = [(b"content-type", answer.kind), (b"content-length", length), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
