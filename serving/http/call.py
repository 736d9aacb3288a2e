"""One request, as a route reads it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from serving.http.asgi import AsgiScope, CallerGone, Receive
from serving.http.problems import CLOSE, Issue, Problem

_ENCODING = b"content-encoding"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_STEP = 64 * 1024
_SLOW_SECONDS = 2.0
_SLOW_RATE = 64 * 1024.0


class Call:
    """A request that has been let in. The body is read once, and no further than its limit."""

    def __init__(self, scope: AsgiScope, receive: Receive, most_bytes: int) -> None:
        self._scope = scope
        self._receive = receive
        self._most = most_bytes
        self._began: float | None = None
        self._come = 0
        self._is_waiting = False
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])

    def rate(self, now: float) -> float | None:
        """Bytes a second at which its body comes, if it waits for more, and that is slow.

        `now` is the time of the event loop in seconds.
        """
        if self._began is None or not self._is_waiting:
            return None
        seconds = now - self._began
        if seconds < _SLOW_SECONDS or self._come > _SLOW_RATE * seconds:
            return None
        return self._come / seconds

    @property
    def path(self) -> Mapping[str, Any]:
        """The parameters in the path."""
        found: Mapping[str, Any] = self._scope["path_params"]
        return found

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters after the question mark."""
        return parse_qs(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)

    async def body(self) -> bytes:
        """The whole body, as `parts` gives it."""
        if _ENCODING in self.headers:
            return b"".join([part async for part in self.parts()])
        self._check_declared()
        first, more = await self._part()
        if not more:
            return first
        whole = bytearray(first)
        while more:
            part, more = await self._part()
            whole += part
        return bytes(whole)

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes, decompressed. Raises Problem beyond the limit, and CallerGone."""
        encoding = self.headers.get(_ENCODING, b"identity").lower()
        if encoding not in (b"identity", b"gzip"):
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                Issue("unsupported_encoding", detail="send it plain, or with gzip"),
                headers=CLOSE,
            )
        if encoding == b"gzip":
            async for part in self._decompressed():
                yield part
        else:
            async for part in self._raw():
                yield part

    async def _raw(self) -> AsyncIterator[bytes]:
        self._check_declared()
        more = True
        while more:
            part, more = await self._part()
            yield part

    async def _part(self) -> tuple[bytes, bool]:
        """The next part, and whether there will be more."""
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
        self._is_waiting = True
        message = await self._receive()
        self._is_waiting = False
        if message["type"] == "http.disconnect":
            raise CallerGone
        part: bytes = message.get("body", b"")
        self._come += len(part)
        if self._come > self._most:
            raise self._too_large()
        return part, message.get("more_body", False)

    async def _decompressed(self) -> AsyncIterator[bytes]:
        """A step at a time: little can become much, and others have their turn in between."""
        stream, size = zlib.decompressobj(_GZIP_WINDOW), 0
        async for part in self._raw():
            rest, plain = part, b""
            while rest or (len(plain) == _STEP and not stream.eof):
                if stream.eof:
                    raise self._not_gzip()
                plain = self._step(stream, rest)
                rest = stream.unused_data or stream.unconsumed_tail
                size += len(plain)
                if size > self._most:
                    raise self._too_large()
                yield plain
                await asyncio.sleep(0)
        if not stream.eof:
            raise self._not_gzip()

    def _step(self, stream: Any, part: bytes) -> bytes:
        try:
            plain: bytes = stream.decompress(part, _STEP)
        except zlib.error:
            raise self._not_gzip() from None
        return plain

    def _check_declared(self) -> None:
        length = self.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            raise self._too_large()

    def _too_large(self) -> Problem:
        return Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            Issue("too_large", detail=f"at most {self._most} bytes, decompressed"),
            headers=CLOSE,
        )

    def _not_gzip(self) -> Problem:
        return Problem(HTTPStatus.BAD_REQUEST, Issue("not_gzip", detail="one whole gzip stream"))
