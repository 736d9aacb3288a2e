"""A Kafka and a Redis of the suite's own, to be killed, frozen, and started again as they were."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from embedded.cache import default_cache
from embedded.install import install
from embedded.kafka import Detour, start_kafka
from embedded.ports import free_port
from embedded.redis import start_redis
from embedded.server import Server
from embedded.software import Software

HEAP = "256m"


@dataclass
class Controlled:
    """A server on one port and one directory over all its lives."""

    begin: Callable[[], Server]
    directory: Path
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = self.begin()

    @property
    def address(self) -> str:
        """HOST:PORT, the same after every start."""
        return self.server.address

    def start(self) -> None:
        """Start it again on its files; returns when it answers."""
        self.server = self.begin()
        self.server.wait_until_ready()

    def kill(self) -> None:
        """Like kill -9."""
        self.server.kill()

    def stop(self) -> None:
        """An orderly end."""
        self.thaw()
        self.server.stop()

    def freeze(self) -> None:
        """Like a machine that stalls: it keeps its connections and says nothing."""
        os.kill(self.server.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        if self.server.process.poll() is None:
            os.kill(self.server.process.pid, signal.SIGCONT)


class RedisServer(Controlled):
    """Redis with its append-only file, which can be put back to an older state."""

    @property
    def url(self) -> str:
        """As in PIPELINE_REDIS."""
        return self.server.url

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.split(":")[1])

    def url_at(self, address: str) -> str:
        """The URL of a proxy at this address."""
        return self.url.replace(self.address, address)

    def copy(self, to: Path) -> None:
        """Keep its append-only file as it is now, also while it is written."""
        to.mkdir(parents=True)
        for path in self.directory.glob("appendonly*"):
            _copy(path, to / path.name)

    def put_back(self, kept: Path) -> None:
        """Make a stopped server's files those of a copy."""
        for path in self.directory.glob("appendonly*"):
            _remove(path)
        for path in kept.iterdir():
            _copy(path, self.directory / path.name)


@dataclass(frozen=True, slots=True)
class Servers:
    """Both, answering; Kafka also by a detour, where a row may put what it likes in between."""

    kafka: Controlled
    redis: RedisServer
    software: Software
    detour: Detour

    @property
    def are_whole(self) -> bool:
        """Whether neither has ended."""
        both = (self.kafka, self.redis)
        return all(one.server.process.poll() is None and one.server.ready() for one in both)


@contextmanager
def running_servers(directory: Path) -> Iterator[Servers]:
    """New ones on new directories under this one; gone at the end. Main thread only."""
    software = install(default_cache(os.environ), print)
    with ExitStack() as undo:
        home = directory / "redis"
        redis_log, kafka_log = directory / "redis.log", directory / "kafka.log"
        start = partial(start_redis, software.redis_server, home, redis_log, port=free_port())
        redis = RedisServer(start, home)
        undo.callback(redis.stop)
        home = directory / "kafka"
        detour = Detour(free_port(), free_port())
        begin = partial(
            start_kafka, software, home, kafka_log, port=free_port(), heap=HEAP, detour=detour
        )
        kafka = Controlled(begin, home)
        undo.callback(kafka.stop)
        for one in (redis, kafka):
            one.server.wait_until_ready()
        yield Servers(kafka, redis, software, detour)


def _copy(path: Path, to: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, to)
    else:
        shutil.copy2(path, to)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
