"""One request, as a route reads it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from serving.http.asgi import AsgiScope, CallerGone, Receive
from serving.http.problems import CLOSE, Issue, Problem

_ENCODING = b"content-encoding"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class Call:
    """A request that has been let in. The body is read once, and no further than its limit."""

    def __init__(self, scope: AsgiScope, receive: Receive, most_bytes: int) -> None:
        self._scope = scope
        self._receive = receive
        self._most = most_bytes
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])

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
        whole, more = await self._part(0)
        while more:
            part, more = await self._part(len(whole))
            whole += part
        return whole

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
        size, more = 0, True
        while more:
            part, more = await self._part(size)
            size += len(part)
            yield part

    async def _part(self, before: int) -> tuple[bytes, bool]:
        """The next part, and whether there will be more; `before` bytes have come already."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        part: bytes = message.get("body", b"")
        if before + len(part) > self._most:
            raise self._too_large()
        return part, message.get("more_body", False)

    async def _decompressed(self) -> AsyncIterator[bytes]:
        stream, size = zlib.decompressobj(_GZIP_WINDOW), 0
        async for part in self._raw():
            try:
                plain = stream.decompress(part, self._most - size + 1)
            except zlib.error:
                raise self._not_gzip() from None
            size += len(plain)
            if size > self._most:
                raise self._too_large()
            yield plain
        if not stream.eof or stream.unused_data:
            raise self._not_gzip()

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
