"""The disk under the Parquet directory is full, and then no longer.

A small file system of its own where we may mount one; else the logger may write no large file.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pipeline.topics import group_of
from tests.faults.arena import PARTITIONS, Arena
from tests.faults.findings import Findings, Verdict, fact
from tests.faults.invariants import I4
from tests.faults.members import owned
from tests.faults.row import Row

STAGE = "inference_logger"
WORKER = f"{STAGE}-1"
SIZE = "64m"
SESSION = 12.0
"""Seconds: a member that does nothing for 10 is put out of its group."""

Full = Callable[[], contextlib.AbstractContextManager[None]]
"""While it is entered, nothing can be written."""


def play(arena: Arena) -> Findings:
    rounds = arena.scale.pick(2, 1)
    met, seconds, verdicts = 0, [], list[Verdict]()
    with disk(arena) as full, arena.running() as crew, arena.load(malformed=0.01) as source:
        for _ in range(rounds):
            arena.until(partial(has_logged, arena, source.sent), 60, "the logger at work")
            before = retries(arena)
            with full():
                arena.until(partial(is_held_up, arena, before), 60, "a full disk")
                arena.pass_time(SESSION)
                met += is_held_up(arena, before)
                verdicts.append(Verdict.of("pauses and says so", 1, seen_wrong(arena)))
            began = time.monotonic()
            arena.until(partial(crew.is_ready, WORKER), 60, "the logger ready")
            seconds.append(time.monotonic() - began)
        recovered = arena.finish()
        return Findings(
            wanted=rounds,
            injected=met,
            verdicts=(*arena.check(I4), recovered, *verdicts, alive(arena)),
            recovery=max(seconds),
        )


def retries(arena: Arena) -> float:
    return arena.crew.sum("pipeline_retries_total", WORKER)


def is_held_up(arena: Arena, before: float) -> bool:
    """Whether it has tried again since, and is not ready."""
    return retries(arena) > before and not arena.crew.is_ready(WORKER)


def has_logged(arena: Arena, sent: int) -> bool:
    """Whether the logger has brought as many records into files as the source had sent then."""
    return arena.crew.sum("pipeline_records_total", WORKER, outcome="logged") > sent


def seen_wrong(arena: Arena) -> list[str]:
    """What is wrong with how a paused logger looks from outside."""
    problems = []
    if "the log cannot be written" not in log_of(arena).read_text():
        problems.append("its log does not say so")
    group = group_of(arena.case, STAGE)
    places = owned(arena.servers.kafka.address, group).get(WORKER, ())
    if len(places) != PARTITIONS * len(arena.topics.logged):
        problems.append(f"it is no member any more, it owns {places}")
    return problems


def log_of(arena: Arena) -> Path:
    return arena.crew.workers[WORKER].spec.log


def alive(arena: Arena) -> Verdict:
    deaths = arena.crew.deaths()
    return fact("no worker ended", holds=not any(deaths.values()), otherwise=f"{deaths}")


@contextlib.contextmanager
def disk(arena: Arena) -> Iterator[Full]:
    """A small one under the Parquet directory, or else what stands for it."""
    place = arena.settings.data_dir
    place.mkdir(parents=True)
    if not mounted(place):
        yield partial(no_large_files, arena)
        return
    try:
        yield partial(filled, place)
    finally:
        subprocess.run(("umount", "--lazy", place), check=True)


def mounted(place: Path) -> bool:
    """Whether we may mount a file system, and have."""
    command = ("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place)
    try:
        return not subprocess.run(command, check=False, capture_output=True).returncode
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def filled(place: Path) -> Iterator[None]:
    """Nothing more fits onto the disk."""
    filler, block = place / "filler", b"\0" * 1_048_576
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(block):
                pass
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def no_large_files(arena: Arena) -> Iterator[None]:
    """The logger can make no file larger than its own log and a little more."""
    process = arena.crew.workers[WORKER].process
    pid = process.pid if process is not None else 0
    most = log_of(arena).stat().st_size + 4_096
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


ROW = Row(16, "the disk is full", play)
