"""Answers on their way out."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, Any, NamedTuple

import msgspec

from serving.http.asgi import Send
from serving.http.problems import Headers, Issue, Problem

JSON = b"application/json"
_PART = 64 * 1024

encode = msgspec.json.Encoder().encode


class Spooled:
    """A body that is too large to hold: a file, closed once it has been read to its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.tell()

    def parts(self) -> Iterator[bytes]:
        """All of it, from its beginning."""
        with self._file as file:
            file.seek(0)
            while part := file.read(_PART):
                yield part


class Answer(NamedTuple):
    """A whole answer."""

    body: bytes | Spooled
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
    """Hand an answer to the server; what is large in parts, each once the one before is away."""
    body = answer.body
    size = len(body) if isinstance(body, bytes) else body.size
    length = (b"content-length", str(size).encode())
    headers = [(b"content-type", answer.kind), length, *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if isinstance(body, bytes) and size <= _PART:
        await send({"type": "http.response.body", "body": body})
        return
    for part in _parts(body) if isinstance(body, bytes) else body.parts():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _parts(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _PART] for start in range(0, len(body), _PART))
