"""uvicorn's protocol within bounds: `uvicorn --http serving.http.protocol:OneWrite`.

It puts an answer's head and body into one write: uvicorn writes them one after the other, and
uvloop sends each at once, which takes about as long as a score. And it bounds what uvicorn does
not: heads in size and time, bodies in time, what comes around a body, pipelines, answers that
nobody reads, and connections that wait.
"""

from __future__ import annotations

import asyncio
import socket
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from serving.http.connections import Bounds, Peers
from serving.http.guard import GUARD, UNREAD, Guard
from serving.http.heads import MOST_BYTES, MOST_FIELDS, refusal_of
from serving.http.observed import UNMATCHED, observe_request
from serving.http.refusals import refusal
from serving.http.transport import Gathering, Intake

_MOST_PIPELINED = 16
_KERNEL_BYTES = 256 * 1024
_MOST_DISCARDED = 1024 * 1024
_NOTHING_SENT = float("inf")


class Phase(Enum):
    """What a connection is at; in all but WORK it waits for its peer."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    WORK = auto()
    ANSWER = auto()
    CLOSING = auto()


IDLE, HEAD, BODY, WORK, ANSWER, CLOSING = Phase
"""They are looked up for every request, and names are found faster."""


class _RefusedHead(Exception):
    """Ends the parsing of a head that is not taken."""


class _Wire(Gathering):
    """The transport that uvicorn sees: how it reads and closes is its connection's business."""

    def __init__(self, transport: asyncio.Transport, connection: OneWrite, intake: Intake) -> None:
        super().__init__(transport, connection.loop)
        self._connection = connection
        self._intake = intake

    def pause_reading(self) -> None:
        """Called by uvicorn while much is unread."""
        self._intake.pause()

    def resume_reading(self) -> None:
        """Called by uvicorn."""
        self._intake.resume()
        self._connection.look()

    def is_closing(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._connection.has_ended or self._transport.is_closing()

    def close(self) -> None:
        """Called by uvicorn after the last answer."""
        self._connection.end()


class OneWrite(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.has_ended = False
        self._guard = _guard_of(app_state)
        self._phase = IDLE
        self._since = 0.0
        self._unsent = _NOTHING_SENT
        self._is_deaf = self._is_in_head = False
        self._head = self._body = self._around = self._body_before = self._discarded = 0
        self._refusal = HTTPStatus.BAD_REQUEST
        self._answered: RequestResponseCycle | None = None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection."""
        self._socket = cast("asyncio.Transport", transport)
        self._intake = Intake(self._socket, self.loop, self._feed)
        self._wire = _Wire(self._socket, self, self._intake)
        _bound_kernel_buffers(self._socket)
        super().connection_made(cast("asyncio.Transport", self._wire))
        self._guard.open(self, self.client[0] if self.client else "", self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """There is none any more."""
        self.has_ended = self._is_deaf = True
        self._guard.close(self)
        self._intake.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if not self._is_deaf:
            self._intake.take(data)
            return
        self._discarded += len(data)
        if self._discarded > _MOST_DISCARDED:
            self._socket.abort()

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        super().pause_writing()
        self.look()

    def resume_writing(self) -> None:
        """The peer has read on."""
        super().resume_writing()
        if not self.has_ended:
            self.look()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Of a head the first byte has come."""
        super().on_message_begin()
        self._is_in_head = True
        self._head = 0

    def on_headers_complete(self) -> None:
        """A head is whole."""
        refused = refusal_of(self.parser.get_http_version(), self.headers)
        if refused is not None or len(self.pipeline) >= _MOST_PIPELINED:
            self._refusal = refused or self._refusal
            raise _RefusedHead
        super().on_headers_complete()
        self._is_in_head = False
        self._body = self._around = 0
        self.headers = []  # trailers are not taken for fields of the head

    def on_body(self, body: bytes) -> None:
        """Of a body some has come."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole, whether or not it is answered already."""
        super().on_message_complete()
        self.cycle.more_body = False

    # What uvicorn calls

    def on_response_complete(self) -> None:
        """Go on with the next request; uvicorn's own, but for its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        self.look()

    def end(self) -> None:
        """Close once all is sent.

        A peer that is still sending is heard a little longer: closing at once would take from it
        what it has not read yet.
        """
        if self.has_ended:
            return
        is_unread = self._is_in_head or (self._parsed is not None and self._parsed.more_body)
        self.has_ended = True
        self._wire.flush()
        if is_unread and not self._socket.is_closing():
            self._socket.write_eof()
            self._hear_no_more()
        else:
            self._socket.close()
        self.look()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    # What the guard calls

    def expire(self, now: float) -> None:
        """It has waited long enough, unless there was progress."""
        if self._phase is HEAD:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._phase is BODY:
            self._expire_body(now)
        else:
            self._expire_answer(now)

    def drop(self, why: str) -> None:
        """End at once."""
        self._guard.count(why)
        self.has_ended = self._is_deaf = True
        self._socket.abort()

    # Its own

    def look(self) -> None:
        """See what the connection is at, and whether it waits for its peer."""
        phase = self._phase_now()
        if phase is self._phase:
            return
        self._phase = phase
        if phase is WORK:
            self._guard.work(self)
            return
        self._since, self._body_before, self._unsent = self.loop.time(), self._body, _NOTHING_SENT
        self._guard.wait(self, self._since + self._patience(phase))

    def _phase_now(self) -> Phase:
        cycle = self._parsed
        if self.has_ended:
            return CLOSING
        if self.flow.write_paused:
            return ANSWER
        if self.pipeline:
            return WORK
        if cycle is not None and not cycle.response_complete:
            is_awaited = cycle.more_body and not self.flow.read_paused
            return BODY if is_awaited else WORK
        if self._is_in_head:
            return HEAD
        return BODY if cycle is not None and cycle.more_body else IDLE

    def _patience(self, phase: Phase) -> float:
        """For how many seconds it may wait in a phase."""
        if phase is IDLE:
            return self.timeout_keep_alive
        bounds = self._guard.bounds
        return {
            HEAD: bounds.head_seconds,
            BODY: bounds.body_seconds,
            ANSWER: bounds.answer_seconds,
            CLOSING: bounds.close_seconds,
        }[phase]

    def _expire_body(self, now: float) -> None:
        """A body may come as slowly as the bounds say."""
        bounds = self._guard.bounds
        come = self._body - self._body_before
        deadline = self._since + bounds.body_seconds + come / bounds.body_rate
        if deadline > now:
            self._guard.postpone(self, deadline)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _expire_answer(self, now: float) -> None:
        unsent = self._socket.get_write_buffer_size()
        if 0 < unsent < self._unsent:
            self._unsent = unsent
            self._guard.postpone(self, now + self._guard.bounds.answer_seconds)
        elif unsent:
            self.drop(UNREAD)
        elif self.has_ended:
            self._socket.abort()
        else:
            self.end()

    def _feed(self, data: bytes | memoryview) -> None:
        """Parse a slice; a head never gets more than it may have."""
        left = MOST_BYTES - self._head
        if self._is_in_head and len(data) > left:
            self._parse(data[:left])
            data = data[left:]
        self._parse(data)

    def _parse(self, data: bytes | memoryview) -> None:
        if self._is_deaf:
            return
        before = self._body
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:  # there is no other protocol here: it is answered as it is
            self._hear_no_more()
        except HttpParserError:
            self._refuse(self._refusal)
        else:
            self._measure(len(data), is_body=self._body != before)
        self.look()

    def _measure(self, size: int, *, is_body: bool) -> None:
        """Count what is neither a whole head nor a part of a body."""
        if self._is_in_head:
            self._head += size
            is_long = self._head >= MOST_BYTES
        elif self._parsed is not None and self._parsed.more_body:
            self._around = 0 if is_body else self._around + size
            is_long = self._around >= MOST_BYTES
            self._discarded += size if self._parsed.response_complete else 0
        else:
            return
        if self._discarded > _MOST_DISCARDED:
            self.end()
        elif is_long or len(self.headers) > MOST_FIELDS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer that a request is not taken, once those before it are answered."""
        broken = self._without_broken()
        self.headers.clear()
        self._hear_no_more()
        if self._newest is not None:
            return
        if broken is None or not broken.response_started:
            self._wire.write(refusal(status))
        observe_request(UNMATCHED, UNMATCHED, status, 0.0)
        self.end()

    def _without_broken(self) -> RequestResponseCycle | None:
        """The request whose body will never be whole; nobody answers it any more."""
        cycle = self._parsed
        if cycle is None or not cycle.more_body:
            return None
        if self.pipeline:
            self.pipeline.popleft()
        cycle.disconnected = True
        cycle.message_event.set()
        return cycle

    def _hear_no_more(self) -> None:
        """Whatever comes is let go by; the last answer ends the connection."""
        self._is_deaf = True
        self._intake.discard()
        if self._newest is not None:
            self._newest.keep_alive = False

    @property
    def _parsed(self) -> RequestResponseCycle | None:
        """The last request whose head has come."""
        return self.cycle

    @property
    def _newest(self) -> RequestResponseCycle | None:
        """The last request that is still to be answered."""
        if self.pipeline:
            return self.pipeline[0][0]
        cycle = self._answered
        is_done = cycle is None or cycle.response_complete or cycle.disconnected
        return None if is_done else cycle


def _bound_kernel_buffers(transport: asyncio.Transport) -> None:
    """The system would let them grow to megabytes, for each connection."""
    found: socket.socket | None = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BYTES)


def _guard_of(state: dict[str, Any]) -> Guard:
    """The one that all connections of a server share; the application's lifespan may yield it."""
    guard: Guard | None = state.get(GUARD)
    if guard is None:
        guard = state[GUARD] = Guard(Bounds(), Peers())
    return guard
