"""Kafka and Redis for a run: those that the environment names, embedded ones for the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.runs import OUTSIDE, ROOT, is_set
from embedded.cache import default_cache
from embedded.install import install
from embedded.stack import Endpoints, Stack, latest_run, new_run
from pipeline.errors import Refusal


@dataclass(frozen=True, slots=True)
class Servers:
    """Where Kafka and Redis are; `check` raises Refusal once one that was started here ended."""

    endpoints: Endpoints
    check: Callable[[], None]


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
) -> Iterator[Servers]:
    """Both servers, answering; what was started here is stopped at the end. Main thread only."""
    kafka = environ.get("PIPELINE_KAFKA", "").strip()
    redis = environ.get("PIPELINE_REDIS", "").strip()
    if kafka and redis:
        yield Servers(Endpoints(kafka, redis, os.getpid()), lambda: None)
        return
    software = install(default_cache(environ), say)
    stack = Stack(directory, software, kafka=kafka, redis=redis)
    with stack as endpoints:
        yield Servers(endpoints, stack.check)
