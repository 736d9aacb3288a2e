"""Who is asking, and whether they may.

A caller is known by a key, or by an address. Without any keys the whole service is open to whoever
is on this machine and comes straight: not through a proxy, and not out of a page of another site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from pipeline.clock import Clock
from pipeline.settings import HttpSettings
from serving.http.asgi import AsgiScope
from serving.http.connections import network_of
from serving.http.keys import Key, KeyRing
from serving.http.limits import TokenBuckets
from serving.http.operation import Access
from serving.http.problems import Issue, Problem

_BEARER = b"bearer "
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_HERE_WITH_PORT = re.compile(
    r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII
)
_PAGES = ("http", "https")

_NO_KEY = "send a key that may do this, as Authorization: Bearer KEY"
_NO_KEYS = (
    "without keys only for programs on this machine; for others make one with `pipeline keys add`, "
    "and name its file in PIPELINE_HTTP_KEYS"
)

RawHeaders = Mapping[bytes, bytes]


class Gate:
    """Lets requests in. Raises Problem with 401, 403 or 429; a wrong key is told as none."""

    def __init__(self, settings: HttpSettings, ring: KeyRing | None, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._stays_here = is_here(settings.host)
        self._by_key = TokenBuckets(settings.rate)
        self._by_address = TokenBuckets(settings.address_rate)

    @property
    def is_open(self) -> bool:
        """Whether someone without a key may ask for anything: only from this machine."""
        return self._ring is None and self._stays_here

    @property
    def has_keys(self) -> bool:
        """Whether keys decide."""
        return self._ring is not None

    def admit(self, scope: AsgiScope, headers: RawHeaders, access: Access) -> None:
        """Return if the caller may."""
        key = self._key(headers)
        here = self._stays_here and comes_from_here(scope, headers)
        if key is not None:
            self._count(self._by_key, key.name)
        elif not here:
            self._count(self._by_address, network_of(host_of(scope)))
        if access.scope is None:
            return
        if self._ring is None:
            if not (here or access.strangers):
                raise _refused(HTTPStatus.FORBIDDEN, _NO_KEYS)
        elif key is None:
            raise _refused(HTTPStatus.UNAUTHORIZED, _NO_KEY)
        elif not key.may(access.scope):
            raise _refused(HTTPStatus.FORBIDDEN, f"the key needs the scope {access.scope}")

    def _key(self, headers: RawHeaders) -> Key | None:
        presented = headers.get(b"authorization", b"")
        if self._ring is None or presented[: len(_BEARER)].lower() != _BEARER:
            return None
        return self._ring.find(presented[len(_BEARER) :].strip())

    def _count(self, buckets: TokenBuckets, caller: str) -> None:
        wait = buckets.take(caller, self._clock.monotonic())
        if wait:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                Issue("too_many_requests"),
                headers=((b"retry-after", str(int(wait) + 1).encode()),),
            )


def is_here(host: str) -> bool:
    """Whether a host, with or without a port, is this machine's loopback."""
    return host in _HERE or _HERE_WITH_PORT.fullmatch(host) is not None


def comes_from_here(scope: AsgiScope, headers: RawHeaders) -> bool:
    """Whether a program on this machine asks for itself.

    A page of another site, or a name that was made to point here, shows in Origin and Host.
    """
    client, server = scope.get("client"), scope.get("server")
    if not (client and server and is_here(client[0]) and is_here(server[0])):
        return False
    if not _FORWARDED.isdisjoint(headers):
        return False
    origin = headers.get(b"origin")
    if origin is not None and not _is_page_here(origin.decode("latin-1")):
        return False
    return is_here(headers.get(b"host", b"").decode("latin-1"))


def host_of(scope: AsgiScope) -> str:
    """The caller's address; nothing where it has none."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_page_here(origin: str) -> bool:
    scheme, separator, host = origin.partition("://")
    return separator != "" and scheme in _PAGES and is_here(host)


def _refused(status: HTTPStatus, detail: str) -> Problem:
    unknown = status == HTTPStatus.UNAUTHORIZED
    challenge = ((b"www-authenticate", b"Bearer"),) if unknown else ()
    return Problem(status, Issue("not_allowed", detail=detail), headers=challenge)
