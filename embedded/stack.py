"""Kafka and Redis together, under one run directory.

`<root>/<run>/` holds `kafka/`, `redis/` and `logs/`, and while the stack runs `endpoints.json`.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING

from embedded.kafka import start_kafka
from embedded.private import write_private
from embedded.redis import start_redis
from embedded.tether import nothing_left
from pipeline.errors import Refusal
from pipeline.settings import RedisSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from embedded.server import Server
    from embedded.software import Software

ENDPOINTS = "endpoints.json"
LOCK = ".lock"
LOCK_SECONDS = 1.0  # longer than `is_locked` of another process holds a lock that is free


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a running stack is reached: `host:port`, a Redis URL, and the owning process.

    The URL holds a password; `redis_address` is fit to be shown.
    """

    kafka: str
    redis: str = field(repr=False)
    pid: int

    @property
    def redis_address(self) -> str:
        """The URL without its password."""
        return RedisSettings(self.redis).address


class Stack:
    """A context manager: both servers answer inside it; those started here are stopped after it.

    A directory that was used before goes on with its data. Enter it in the main thread.
    """

    def __init__(
        self,
        directory: Path,
        software: Software,
        *,
        heap: str = "512m",
        kafka: str = "",
        redis: str = "",
    ) -> None:
        """`kafka` (host:port) or `redis` (a URL) is one that runs elsewhere and is not started."""
        self.directory = directory.resolve()  # the servers run in directories of their own
        self.software = software
        self.heap = heap
        self._elsewhere = (kafka, redis)
        self._servers: tuple[Server, ...] = ()
        self._stop = ExitStack()

    def __enter__(self) -> Endpoints:
        """Start them; blocks until they answer. Raises Refusal, with nothing left running."""
        try:
            return self._start()
        except BaseException:
            self._stop.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them in order; blocks until they ended, killed after a deadline."""
        self._stop.close()

    def check(self) -> None:
        """Raise Refusal if a server ended by itself; does not block."""
        for server in self._servers:
            server.check()

    def _start(self) -> Endpoints:
        self._stop.enter_context(own(self.directory))
        path = self.directory / ENDPOINTS
        path.unlink(missing_ok=True)  # of a stack that was killed
        kafka, redis = self._elsewhere
        redis = redis or self._begin(self._start_redis).url
        kafka = kafka or self._begin(self._start_kafka).address
        self._stop.callback(_terminate, self._servers)
        for server in self._servers:
            server.wait_until_ready()
        endpoints = Endpoints(kafka, redis, os.getpid())
        self._stop.callback(path.unlink, missing_ok=True)
        write_private(path, json.dumps(asdict(endpoints)))
        return endpoints

    def _begin(self, start: Callable[[], Server]) -> Server:
        with nothing_left():  # an interrupt may come before `stop` is registered
            server = start()
            self._stop.callback(server.stop)
        self._servers = (*self._servers, server)
        return server

    def _start_redis(self) -> Server:
        log = self.directory / "logs" / "redis.log"
        return start_redis(self.software.redis_server, self.directory / "redis", log)

    def _start_kafka(self) -> Server:
        log = self.directory / "logs" / "kafka.log"
        return start_kafka(self.software, self.directory / "kafka", log, heap=self.heap)


def new_run(root: Path, now: datetime) -> Path:
    """The directory of a run that starts now; names sort by time."""
    return root / now.strftime("%Y%m%d-%H%M%S")


def _terminate(servers: Sequence[Server]) -> None:
    """Ask all at once, so that they end side by side."""
    for server in servers:
        server.terminate()


def own(directory: Path) -> IO[str]:
    """The run directory's lock, held as long as the file is open. Raises Refusal if it is taken.

    The kernel drops it when the process dies, however it dies; a process id could be reused.
    """
    directory.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + LOCK_SECONDS
    while (lock := _try_lock(directory)) is None:
        if time.monotonic() > deadline:
            raise Refusal(f"{directory} is in use by a running stack", "Stop that one first.")
        time.sleep(0.02)
    return lock


def is_locked(directory: Path) -> bool:
    """Whether a stack runs in it, or starts."""
    lock = _try_lock(directory)
    if lock is not None:
        lock.close()
    return lock is None


def _try_lock(directory: Path) -> IO[str] | None:
    file = (directory / LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
