"""Kafka and Redis for a run: those that the environment names, embedded ones for the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cli.runs import OUTSIDE, ROOT, is_set
from embedded.cache import default_cache
from embedded.install import install
from embedded.kafka import start_kafka
from embedded.redis import start_redis
from embedded.software import Software
from embedded.stack import Endpoints, Stack, latest_run, new_run
from pipeline.errors import Refusal


class PartStack(Stack):
    """A stack of which one server is somewhere else."""

    def __init__(self, directory: Path, software: Software, kafka: str, redis: str) -> None:
        """`kafka` or `redis` is where that one is reached; an empty one is started."""
        super().__init__(directory, software)
        self._kafka = kafka
        self._redis = redis

    def _start(self, undo: ExitStack) -> Endpoints:
        logs = self.directory / "logs"
        kafka, redis = self._kafka, self._redis
        if not redis:
            binary = self.software.redis_server
            server = start_redis(binary, self.directory / "redis", logs / "redis.log")
            undo.callback(server.stop)
            server.wait_until_ready()
            redis = f"redis://{server.address}/0"
        if not kafka:
            server = start_kafka(self.software, self.directory / "kafka", logs / "kafka.log")
            undo.callback(server.stop)
            server.wait_until_ready()
            kafka = server.address
        return Endpoints(kafka, redis, os.getpid())


def run_directory(environ: Mapping[str, str], *, resume: bool, root: Path = ROOT) -> Path:
    """Where this run keeps its data. Raises Refusal when there is nothing to resume."""
    if is_set(environ, "KAFKA"):
        return root / OUTSIDE
    if not resume:
        return new_run(root, datetime.now(UTC))
    latest = latest_run(root)
    if latest is None:
        raise Refusal(f"there is no run under {root} to resume", "Run `pipeline up` without it")
    return latest


@contextmanager
def servers(
    environ: Mapping[str, str], directory: Path, say: Callable[[str], None]
) -> Iterator[Endpoints]:
    """Both servers, answering; what was started here is stopped at the end. Main thread only."""
    kafka = environ.get("PIPELINE_KAFKA", "").strip()
    redis = environ.get("PIPELINE_REDIS", "").strip()
    if kafka and redis:
        yield Endpoints(kafka, redis, os.getpid())
        return
    software = install(default_cache(environ), say)
    part = PartStack(directory, software, kafka, redis)
    with part if kafka or redis else Stack(directory, software) as endpoints:
        yield endpoints
