"""One Redis server on the loopback interface, as durable as the pipeline asks for."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

from embedded.ports import HOST, free_port
from embedded.server import Server, launch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DURABLE = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
}
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


def start_redis(
    binary: Path,
    directory: Path,
    log: Path,
    *,
    port: int | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
) -> Server:
    """Start a server on `directory`; the same directory can be started again later.

    `options` are names and values of redis.conf; they win over ours. Its address is HOST:PORT.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = port or free_port()
    settings = {"bind": HOST, "port": str(port), **DURABLE, **options}
    argv = [str(binary), *(word for k, v in settings.items() for word in (f"--{k}", v))]
    return Server(
        name="Redis",
        address=f"{HOST}:{port}",
        log=log,
        process=launch(argv, log, directory),
        ready=partial(is_serving, port),
    )


def is_serving(port: int) -> bool:
    """Whether the server answers and has loaded its data."""
    try:
        with Redis(HOST, port, socket_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False
