"""One Redis server on the loopback interface, as durable as the pipeline asks for.

It lets in only who knows its password: other accounts of this machine reach the interface too.
"""

from __future__ import annotations

import re
import secrets
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

from embedded.ports import HOST, free_port
from embedded.private import write_private
from embedded.server import Server, launch
from pipeline.errors import Refusal

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


ACCESS_FILE = "password.conf"


def start_redis(
    binary: Path,
    directory: Path,
    log: Path,
    *,
    port: int | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
    password: str = "",
) -> Server:
    """Start a server on `directory`; the same directory can be started again later.

    `options` are names and values of redis.conf; they win over ours. Its address is HOST:PORT,
    and its URL has the password, which the directory keeps; `password` is for a new directory.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = port or free_port()
    url = redis_url(f"{HOST}:{port}", _password_of(directory, password or new_password()))
    settings = {"bind": HOST, "port": str(port), **DURABLE, **options}
    words = (word for name, value in settings.items() for word in (f"--{name}", value))
    return Server(
        name="Redis",
        address=f"{HOST}:{port}",
        log=log,
        process=launch([str(binary), ACCESS_FILE, *words], log, directory),
        ready=partial(is_serving, url),
        url=url,
    )


def redis_url(address: str, password: str) -> str:
    """As in PIPELINE_REDIS. The user is named, so that no setting names another."""
    return f"redis://default:{password}@{address}/0"


def new_password() -> str:
    """A password that nobody guesses."""
    return secrets.token_hex(24)


def _password_of(directory: Path, new: str) -> str:
    """The password of the server on `directory`, which becomes `new` if it has none.

    It stands in a file of the owner's and not among the arguments, which everybody can list.
    """
    path = directory / ACCESS_FILE
    if not path.exists():
        write_private(path, f"requirepass {new}\n")
    line = re.fullmatch(r"requirepass ([0-9a-f]+)\n", path.read_text())
    if line is None:
        raise Refusal(f"{path} holds no password of ours", "Delete it; the next start makes one.")
    return line[1]


def is_serving(url: str) -> bool:
    """Whether the server answers and has loaded its data."""
    try:
        with Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False
