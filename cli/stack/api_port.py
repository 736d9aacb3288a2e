"""Where the API of a run answers."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from cli.runs import is_set
from cli.stack.workers import API_PORT
from embedded.ports import HOST
from pipeline.settings import HttpSettings

_PROBE_SECONDS = 1.0


def with_api_port(
    environ: Mapping[str, str],
    usual: int = HttpSettings().port,
) -> Mapping[str, str]:
    """`environ` with the usual port, unless it names one, or something answers there already."""
    if is_set(environ, "HTTP_PORT") or _answers(usual):
        return environ
    return {**environ, API_PORT: str(usual)}


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), _PROBE_SECONDS).close()
    except OSError:
        return False
    return True
