"""What the head of a request must keep to, and what is answered where it does not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus

MOST_BYTES = 64 * 1024
MOST_FIELDS = 100
_VERSIONS = ("1.1", "1.0")
_ONCE = frozenset(
    {
        b"host",
        b"authorization",
        b"content-encoding",
        b"content-type",
        b"origin",
        b"transfer-encoding",
    }
)
"""Fields of which a second one would let two readers of a request see two requests."""

REASONS = {
    HTTPStatus.BAD_REQUEST: ("malformed", "the request is no HTTP/1.1"),
    HTTPStatus.REQUEST_TIMEOUT: ("too_slow", "the request did not come in time"),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "head_too_large",
        f"at most {MOST_BYTES:,} bytes and {MOST_FIELDS} fields",
    ),
    HTTPStatus.NOT_IMPLEMENTED: ("unsupported_transfer", "send the body plain, or in chunks"),
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: ("unsupported_version", "HTTP/1.1"),
}
"""Reason and detail of each refusal."""


def refusal_of(version: str, fields: Sequence[tuple[bytes, bytes]]) -> HTTPStatus | None:
    """Why a whole head cannot be taken; the names of its fields are in lower case."""
    if version not in _VERSIONS:
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    if len(fields) > MOST_FIELDS:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    named = dict(fields)
    if b"host" not in named and version == "1.1":
        return HTTPStatus.BAD_REQUEST
    if len(named) < len(fields) and not _ONCE.isdisjoint(_repeated(fields)):
        return HTTPStatus.BAD_REQUEST
    if b"transfer-encoding" in named:
        return _refusal_of_transfer(version, named[b"transfer-encoding"])
    return None


def _repeated(fields: Sequence[tuple[bytes, bytes]]) -> set[bytes]:
    counts = Counter(name for name, _ in fields)
    return {name for name, count in counts.items() if count > 1}


def _refusal_of_transfer(version: str, coding: bytes) -> HTTPStatus | None:
    if version == "1.0":
        return HTTPStatus.BAD_REQUEST
    return None if coding.strip().lower() == b"chunked" else HTTPStatus.NOT_IMPLEMENTED
