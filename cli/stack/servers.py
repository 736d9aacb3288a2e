"""Kafka and Redis for a run: those that the environment names, embedded ones for the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cli.runs import OUTSIDE, ROOT, chosen, is_set, own_runs, run_name, to_resume
from embedded.cache import default_cache
from embedded.install import install
from embedded.runs import runs_of
from embedded.stack import Endpoints, Stack, new_run
from pipeline.errors import Refusal


@dataclass(frozen=True, slots=True)
class Servers:
    """Where Kafka and Redis are; `check` raises Refusal once one that was started here ended."""

    endpoints: Endpoints
    check: Callable[[], None]


def run_directory(environ: Mapping[str, str], *, resume: bool, root: Path = ROOT) -> Path:
    """Where `pipeline up` keeps its data.

    Raises Refusal when there is nothing to resume, and beside a stack that runs unless a name says
    that another one is meant.
    """
    if is_set(environ, "KAFKA"):
        return _outside(environ, root)
    if run_name(environ):
        known = chosen(environ, root) if resume else None
        return known.directory if known else root / run_name(environ)
    for running in (run for run in runs_of(root) if run.is_running):
        raise Refusal(
            f"run {running.name} under {root} runs already",
            "See it: pipeline status. Begin another beside it: pipeline up --run NAME",
        )
    return _resumed(root) if resume else new_run(root, datetime.now(UTC))


def demo_directory(environ: Mapping[str, str], root: Path = ROOT) -> Path:
    """Where a demo keeps its data: always a new run, unless one is named."""
    if is_set(environ, "KAFKA"):
        return _outside(environ, root)
    return root / run_name(environ) if run_name(environ) else new_run(root, datetime.now(UTC))


def introduction(directory: Path) -> str:
    """Which run begins or goes on, with how many records, and which others are running."""
    runs = {run.name: run for run in runs_of(directory.parent)}
    known = runs.pop(directory.name, None)
    records = known.records() if known else 0
    state = f"goes on with {records:,} records" if records else "is empty"
    running = ", ".join(name for name, run in runs.items() if run.is_running)
    beside = f". {running} is running too: name this one, --run {directory.name}" if running else ""
    return f"Run {directory.name} {state}{beside}"


def going_on(directory: Path) -> str:
    """The command that goes on with a run."""
    return "pipeline up" if directory.name == OUTSIDE else f"pipeline up --run {directory.name}"


def _outside(environ: Mapping[str, str], root: Path) -> Path:
    if run_name(environ):
        raise Refusal(
            "a named run has a Kafka of its own, and PIPELINE_KAFKA names another",
            "Leave one of them out",
        )
    return root / OUTSIDE


def _resumed(root: Path) -> Path:
    run = to_resume(own_runs(root))
    if run is None:
        raise Refusal(
            f"there is no run under {root} that holds data", "Run `pipeline up` without --resume"
        )
    return run.directory


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
        yield Servers(endpoints, partial(_check, stack, directory))


def _check(stack: Stack, directory: Path) -> None:
    """Raise Refusal once a server ended, with how to go on."""
    try:
        stack.check()
    except Refusal as ended:
        remedy = f"`{going_on(directory)}` goes on where this run was. {ended.remedy}"
        raise Refusal(ended.problem, remedy) from None
