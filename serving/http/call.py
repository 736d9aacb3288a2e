"""One request, as a route reads it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from serving.http.asgi import AsgiScope, CallerGone, Receive
from serving.http.problems import CLOSE, Issue, Problem

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
        """The whole body, decompressed. Raises Problem for more than the limit, and CallerGone."""
        encoding = self.headers.get(b"content-encoding", b"identity").lower()
        if encoding not in (b"identity", b"gzip"):
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                Issue("unsupported_encoding", detail="send it plain, or with gzip"),
                headers=CLOSE,
            )
        raw = await self._raw()
        return self._decompressed(raw) if encoding == b"gzip" else raw

    async def _raw(self) -> bytes:
        if self._declared() > self._most:
            raise self._too_large()
        parts, size = list[bytes](), 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            part = message.get("body", b"")
            size += len(part)
            if size > self._most:
                raise self._too_large()
            parts.append(part)
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _declared(self) -> int:
        length = self.headers.get(b"content-length", b"0")
        return int(length) if length.isdigit() else 0

    def _decompressed(self, raw: bytes) -> bytes:
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            plain = stream.decompress(raw, self._most + 1)
        except zlib.error:
            raise self._not_gzip() from None
        if len(plain) > self._most:
            raise self._too_large()
        if not stream.eof or stream.unused_data:
            raise self._not_gzip()
        return plain

    def _too_large(self) -> Problem:
        return Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            Issue("too_large", detail=f"at most {self._most} bytes, decompressed"),
            headers=CLOSE,
        )

    def _not_gzip(self) -> Problem:
        return Problem(HTTPStatus.BAD_REQUEST, Issue("not_gzip", detail="one whole gzip stream"))
