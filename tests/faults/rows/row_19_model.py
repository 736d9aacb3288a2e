"""The model's file is missing, or another one, when serving starts; then the model is slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.exit_codes import ExitCode
from pipeline.manifest import MODEL, newest_folder
from pipeline.topics import group_of
from tests.faults.arena import PARTITIONS, Arena
from tests.faults.crew import Crew
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3
from tests.faults.members import owned
from tests.faults.memory import bounded, peaks
from tests.faults.recovery import has_sent
from tests.faults.row import Row

WORKER = "serving-1"
SLOW = "score=slow:50"
"""Milliseconds a row."""
LOOK_SECONDS = 2.0
SHOWS = 0.5
"""Seconds that a batch takes, on the average, once the model is slow."""


def play(arena: Arena) -> Findings:
    seconds, wrong = list[float](), list[str]()
    spoilings = (Path.unlink, spoil)
    with arena.running() as crew, arena.load() as source:
        arena.until(partial(has_sent, source, 500), 30, "the source")
        for spoiling in spoilings:
            wrong += refused_wrongly(arena, spoiling)
            consuming = partial(crew.is_consuming, WORKER)
            seconds.append(arena.until(consuming, 30, "scoring again"))
        slow_batches, evictions, memory = slow_model(arena)
        crew.set(WORKER)
        crew.kill(WORKER)
        recovered = arena.finish(120)
        return Findings(
            wanted=len(spoilings) + 1,
            injected=len(spoilings) + int(slow_batches),
            verdicts=(
                *arena.check(I1, I2, I3),
                recovered,
                Verdict.of("refused clearly", len(spoilings), wrong),
                Verdict.of("no eviction", 1, evictions),
                memory,
            ),
            recovery=max(seconds),
        )


def refused_wrongly(arena: Arena, spoiling: Callable[[Path], None]) -> list[str]:
    """What is wrong with how serving refuses a spoilt model; it is whole again at the end."""
    worker = arena.crew.workers[WORKER]
    path = newest_folder(arena.settings.models_dir, arena.name) / MODEL
    whole = path.read_bytes()
    spoiling(path)
    deaths = worker.history.deaths
    arena.crew.terminate(WORKER, 60)
    arena.until(lambda: worker.history.deaths > deaths + 1, 60, "a refusal")
    path.write_bytes(whole)
    clear = str(path) in worker.why and worker.history.status == ExitCode.REFUSED
    return [] if clear else [f"{worker.history.status}: {worker.why}"]


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"!")


def slow_model(arena: Arena) -> tuple[bool, list[str], Verdict]:
    """Whether the model was slow, when the group had lost its member, and the memory."""
    crew, group = arena.crew, group_of(arena.case, "serving")
    crew.set(WORKER, FAULTS=SLOW)
    crew.kill(WORKER)
    arena.until(partial(crew.is_consuming, WORKER), 60, "a first slow batch")
    before, evictions = peaks(crew), list[str]()
    over = time.monotonic() + arena.scale.pick(30.0, 20.0)
    while time.monotonic() < over:
        arena.pass_time(LOOK_SECONDS)
        owners = owned(arena.servers.kafka.address, group)
        if len(owners.get(WORKER, ())) != PARTITIONS:
            evictions.append(f"the group's members own {owners}")
    return is_slow(crew), evictions, bounded(before, peaks(crew))


def is_slow(crew: Crew) -> bool:
    """Whether a batch takes a time that shows."""
    batches = crew.sum("pipeline_batch_seconds_count", WORKER)
    return crew.sum("pipeline_batch_seconds_sum", WORKER) > batches * SHOWS


ROW = Row(19, "model missing, of a wrong hash, slow", play)
