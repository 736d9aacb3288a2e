"""Where the API of a run answers."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

from cli.runs import is_set
from cli.stack.workers import API_PORT
from embedded.ports import HOST
from pipeline.errors import SettingsError
from pipeline.settings import HttpSettings

_PROBE_SECONDS = 1.0
_MOST_PORT = 65_535


def with_api_port(
    environ: Mapping[str, str],
    usual: int = HttpSettings().port,
) -> Mapping[str, str]:
    """`environ` with the usual port, unless it names one, or something answers there already."""
    if is_set(environ, "HTTP_PORT") or _answers(usual):
        return environ
    return {**environ, API_PORT: str(usual)}


def check_address(host: str, port: int) -> None:
    """Return if the API can listen there. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} of {host} is taken",
                f"Name another one: pipeline api --port {port % _MOST_PORT + 1}",
            ) from None
        raise SettingsError(
            f"the API cannot listen on {host}, port {port}: {error.strerror}",
            "Name others with --host and --port",
        ) from None


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), _PROBE_SECONDS).close()
    except OSError:
        return False
    return True
