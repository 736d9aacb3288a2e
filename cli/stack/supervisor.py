"""Runs the workers' processes: starts them, starts those again that died, and ends them all.

Use it from the main thread: the kernel ties a process to the thread that started it.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cli.stack.last_words import last_kind, last_words
from cli.stack.restarts import History, Policy
from cli.stack.workers import WorkerSpec
from embedded.tether import tethered, uninterrupted
from pipeline.errors import Fenced
from pipeline.exit_codes import ExitCode

STOP_SECONDS = 15.0
Process = subprocess.Popen[bytes]


class State(StrEnum):
    """What a worker is doing."""

    RUNNING = "running"
    WAITING = "waiting"  # to be started again
    REFUSED = "refused"  # a person should act first; not again at all where it was fenced
    STOPPED = "stopped"


@dataclass(slots=True)
class Worker:
    """One worker over all its lives; `why` says how the life before ended."""

    spec: WorkerSpec
    process: Process | None = None
    started_at: float = 0.0
    history: History = field(default_factory=History)
    why: str = ""

    @property
    def state(self) -> State:
        """What it is doing now."""
        if self.process is not None:
            return State.RUNNING
        if self.history.status is None:
            return State.STOPPED
        return State.REFUSED if self.history.refused else State.WAITING


def _spawn(spec: WorkerSpec) -> Process:
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with spec.log.open("ab") as log:
        return tethered(spec.argv, env=spec.environ, stdout=log)


def _say_nothing(_workers: Sequence[Worker]) -> None:
    """Nobody wants to know."""


class Supervisor:
    """All workers of a run. `tick` it several times a second; `stop` it at the end."""

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        policy: Policy = Policy(),  # noqa: B008 - a frozen value
        spawn: Callable[[WorkerSpec], Process] = _spawn,
        buried: Callable[[Sequence[Worker]], None] = _say_nothing,
    ) -> None:
        """`buried` is told all workers whenever one of them was found dead."""
        self.workers = [Worker(spec) for spec in specs]
        self._policy = policy
        self._spawn = spawn
        self._buried = buried

    def tick(self, now: float) -> list[Worker]:
        """Start what is due; returns the workers that were found dead. `now` is monotonic."""
        dead = [worker for worker in self.workers if self._bury(worker, now)]
        if dead:
            self._buried(self.workers)
        for worker in self.workers:
            if worker.process is None and now >= worker.history.start_at:
                with uninterrupted():  # else a worker could run that nobody stops
                    worker.process = self._spawn(worker.spec)
                worker.started_at = now
        return dead

    def stop(self, seconds: float = STOP_SECONDS) -> list[str]:
        """Ask all to end, wait, and kill who takes longer; returns the instances killed."""
        running = {w.spec.instance: w.process for w in self.workers if w.process is not None}
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        killed = [name for name, process in running.items() if not _ends(process, deadline)]
        for worker in self.workers:
            worker.process, worker.history = None, History()
        return killed

    def _bury(self, worker: Worker, now: float) -> bool:
        status = worker.process.poll() if worker.process else None
        if status is None:
            return False
        worker.process = None
        worker.why = _why(status, worker.spec.log)
        ran = now - worker.started_at
        if status == ExitCode.REFUSED and last_kind(worker.spec.log) == Fenced.__name__:
            worker.history = worker.history.after_fencing()
        else:
            worker.history = worker.history.after_death(status, ran, now, self._policy)
        return True


def _why(status: int, log: Path) -> str:
    """Why a process ended with `status`, as far as that can be said in one line."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return last_words(log) or f"ended with status {status}"


def _ends(process: Process, deadline: float) -> bool:
    """Wait until it ended; past the deadline kill it and say False."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True
