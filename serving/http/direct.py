"""A way around the router and the framework's own layers: they take longer than a score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fastapi import FastAPI

from serving.http.asgi import Application, AsgiScope, Receive, Send
from serving.http.endpoint import Endpoint

_OPEN, _CLOSE = "{", "}"


class Direct(NamedTuple):
    """An endpoint, and the parameters that are in the path."""

    endpoint: Endpoint
    parameters: Mapping[str, str]


class Directory:
    """Finds endpoints by method and path: whole ones, and those whose last part is a parameter."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._whole: dict[tuple[str, str], Direct] = {}
        self._last: dict[tuple[str, str], tuple[Endpoint, str]] = {}
        for one in endpoints:
            self._add(one)

    def find(self, method: str, path: str) -> Direct | None:
        """As the router would; None for what it has to look at itself."""
        found = self._whole.get((method, path))
        if found is not None:
            return found
        head, _, last = path.rpartition("/")
        ending = self._last.get((method, head))
        if ending is None or not last:
            return None
        endpoint, name = ending
        return Direct(endpoint, {name: last})

    def _add(self, endpoint: Endpoint) -> None:
        one = endpoint.operation
        for parameters in one.known:
            self._whole[one.method, one.path.format(**parameters)] = Direct(endpoint, parameters)
        head, _, last = one.path.rpartition("/")
        if _OPEN not in one.path:
            self._whole[one.method, one.path] = Direct(endpoint, {})
        elif last.startswith(_OPEN) and _OPEN not in head:
            self._last[one.method, head] = (endpoint, last.strip(_OPEN + _CLOSE))


class Shortcut(FastAPI):
    """The framework's application; what is in the directory is answered without it.

    `around` is what stands around every request, wherever it is answered.
    """

    directory = Directory(())
    around: Application

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        found = None
        if scope["type"] == "http":
            found = self.directory.find(scope["method"], scope["path"])
        if found is None:
            await super().__call__(scope, receive, send)
        else:
            scope["endpoint"], scope["path_params"] = found
            await self.around(scope, receive, send)


async def answered(scope: AsgiScope, receive: Receive, send: Send) -> None:
    """Let the endpoint answer that was found."""
    endpoint: Any = scope["endpoint"]
    await endpoint(scope, receive, send)
