"""One process under measurement, from its start to its last effect."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.course import Figures, Sample, figures
from benchmarks.process import cpu_seconds, resident_bytes
from embedded.server import tail
from embedded.tether import tethered
from pipeline.errors import PipelineError

ROOT = Path(__file__).resolve().parent.parent
_LONGEST_SECONDS = 600.0
_STOP_SECONDS = 60.0
_SHOWN_LINES = 15


class Failed(PipelineError):
    """A run that gave no figures; says why."""


def nothing() -> None:
    """Nothing to check."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A worker, or its usual counterpart, and how its progress is seen from outside.

    `clear` makes its outputs and its state empty; `done`, asked at an even pace, counts its effects
    up to `effects`, which stand for `records`. One that `flushes_at_its_end` has its last effect
    when it has exited.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    records: int
    effects: int
    clear: Callable[[], None]
    done: Callable[[], int]
    check: Callable[[], None] = nothing
    flushes_at_its_end: bool = False
    every_seconds: float = 0.05


def measure(contender: Contender, log: Path) -> Figures:
    """Run it once; returns when it has ended. Raises Failed, with the end of what it printed."""
    return figures(watched(contender, log), contender.records, contender.effects)


def watched(contender: Contender, log: Path) -> list[Sample]:
    """The same, as samples."""
    contender.clear()
    cpu_before = _cpu_of_ended_children()
    with _running(contender, log) as process:
        samples = list(_samples(contender, process, log))
        _end(contender, process, log)
    if contender.flushes_at_its_end:
        cpu = _cpu_of_ended_children() - cpu_before
        samples.append(Sample(time.monotonic(), contender.effects, cpu, samples[-1].resident))
    contender.check()
    return samples


@contextmanager
def _running(contender: Contender, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = tethered(contender.argv, env=contender.environ, stdout=out, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _samples(contender: Contender, process: subprocess.Popen[bytes], log: Path) -> Iterator[Sample]:
    """Samples at an even pace, the last one when all effects are in, or the process has ended."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    effects = 0
    while effects < contender.effects and process.poll() is None:
        effects, now = contender.done(), time.monotonic()
        resident = resident_bytes(process.pid)
        if resident:
            yield Sample(now, effects, cpu_seconds(process.pid), resident)
        if now > deadline:
            raise _failed(contender, log, f"only {effects} of {contender.effects} effects")
        time.sleep(contender.every_seconds)


def _end(contender: Contender, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask it to end, unless it has done so by itself, and wait until it has."""
    by_itself = process.poll() is not None
    process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise _failed(contender, log, "does not end") from None
    if status not in (0, -signal.SIGTERM) or (by_itself and not contender.flushes_at_its_end):
        raise _failed(contender, log, f"ended with {status}")


def _failed(contender: Contender, log: Path, problem: str) -> Failed:
    return Failed(f"{contender.name}: {problem}; it printed last\n{tail(log, _SHOWN_LINES)}")


def _cpu_of_ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with this Python."""
    return (sys.executable, "-m", name, *arguments)
