"""Around every request: its id, its metrics, and an answer whatever happens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from structlog.contextvars import bind_contextvars

from pipeline.clock import Clock
from pipeline.errors import DataError
from pipeline.logs import log
from serving.http.answers import answer_of, send_answer
from serving.http.asgi import Application, AsgiScope, CallerGone, Message, Receive, Send
from serving.http.endpoint import Endpoint
from serving.http.observed import UNMATCHED, observe_request
from serving.http.problems import SECURE, Issue, Problem, issue_of, wrong
from serving.http.refusals import new_request_id

REQUEST_ID = b"x-request-id"
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_GONE = 499  # nginx's number for a caller that did not wait


@dataclass(slots=True)
class _Sending:
    """Marks what goes out with the request's id, and notes its status."""

    send: Send
    request_id: str
    status: int = _GONE

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            marks = ((REQUEST_ID, self.request_id.encode()), *SECURE)
            message["headers"] = [*message.get("headers", ()), *marks]
        await self.send(message)


class Envelope:
    """ASGI middleware; nothing that an application raises goes past it."""

    def __init__(self, app: Application, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand the server's own messages on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock.monotonic()
        sending = _Sending(send, _request_id(scope))
        bind_contextvars(request_id=sending.request_id)  # for every line of the log
        try:
            await self._app(scope, receive, sending)
        except CallerGone:
            sending.status = _GONE
        except Exception as error:  # noqa: BLE001 - the last one to see it; it is logged
            problem = _problem_of(error)
            await send_answer(sending, answer_of(problem, sending.request_id))
        self._count(scope, sending.status, self._clock.monotonic() - began)

    def _count(self, scope: AsgiScope, status: int, seconds: float) -> None:
        endpoint = scope.get("endpoint")
        route = endpoint.operation.path if isinstance(endpoint, Endpoint) else UNMATCHED
        method = scope["method"] if isinstance(endpoint, Endpoint) else UNMATCHED
        observe_request(route, method, status, seconds)


async def unmatched(request: Request, error: Any) -> Response:  # noqa: ARG001 - the framework's signature
    """The framework's own 404 and 405, in the form of all errors."""
    headers = tuple((name.encode(), text.encode()) for name, text in (error.headers or {}).items())
    reason = (
        "no_such_method" if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else "no_such_path"
    )
    raise Problem(error.status_code, Issue(reason), headers=headers)


def _request_id(scope: AsgiScope) -> str:
    """The caller's own, where it is plain; else a new one."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _PLAIN_ID.fullmatch(value):
            return str(value, "ascii")
    return new_request_id()


def _problem_of(error: Exception) -> Problem:
    """What to answer; what nobody expected is logged by its kind and place, and told to no one."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, DataError):
        return wrong(issue_of(error))
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    log.error("request failed", error=type(error).__name__, at=place)
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        Issue("internal_error", detail="the log tells of it under this request's id"),
    )
