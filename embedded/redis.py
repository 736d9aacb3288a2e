"""One Redis server on the loopback interface, as durable as the pipeline asks for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

from embedded.ports import HOST, free_port
from embedded.server import Server, launch

if TYPE_CHECKING:
    from pathlib import Path


def start_redis(
    binary: Path, directory: Path, log: Path, *, port: int | None = None, cluster: bool = False
) -> Server:
    """Start a server on `directory`; the same directory can be started again later.

    With `cluster` it is one empty node of a Redis Cluster. Its address is HOST:PORT.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = port or free_port()
    options = {
        "bind": HOST,
        "port": str(port),
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "cluster-enabled": "yes" if cluster else "no",
    }
    argv = [str(binary), *(word for k, v in options.items() for word in (f"--{k}", v))]
    return Server(
        name="Redis",
        address=f"{HOST}:{port}",
        log=log,
        process=launch(argv, log),
        ready=partial(is_serving, port),
    )


def is_serving(port: int) -> bool:
    """Whether the server answers and has loaded its data."""
    try:
        with Redis(HOST, port, socket_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False
