"""A service as a process of its own, under attack, with a neighbour who asks whether it lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.ports import free_port
from tests.faults.memory import peak
from tests.serving.http.attacks import Attack
from tests.serving.http.neighbour import is_answered
from tests.support.processes import running

ROOT = Path(__file__).parents[3]
_START_SECONDS = 60.0
_NEIGHBOUR = (sys.executable, "-m", "tests.serving.http.neighbour")


@dataclass(frozen=True, slots=True)
class Siege:
    """What came of an attack: the neighbour's answers, its longest wait in seconds, and memory.

    `grown` is by how many MiB the most that the service ever held is more than it was before.
    """

    name: str
    answered: int
    missed: int
    longest: float
    grown: int


@dataclass(frozen=True, slots=True)
class Besieged:
    """A running service."""

    pid: int
    port: int

    def endures(self, attack: Attack, seconds: float) -> Siege:
        """An attack, and what the neighbour says of it. Blocks."""
        before = peak(self.pid)
        command = [*_NEIGHBOUR, str(self.port)]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as neighbour:
            attack(self.port, seconds)
            told, _ = neighbour.communicate("enough\n", timeout=60)
        return Siege(attack.__name__, grown=peak(self.pid) - before, **json.loads(told))


@contextmanager
def besieged(directory: Path) -> Iterator[Besieged]:
    """A service without Kafka and Redis that has answered; it is gone at the end."""
    port = free_port()
    nowhere = {
        "PIPELINE_KAFKA": "127.0.0.1:1",
        "PIPELINE_REDIS": "redis://127.0.0.1:1/0",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "cli", "api", "--port", str(port)]
    with running(command, {**os.environ, **nowhere}, directory / "api.log") as worker:
        until = time.monotonic() + _START_SECONDS
        while not is_answered(port):
            if time.monotonic() > until or not worker.is_running:
                raise AssertionError(worker.log.read_text()[-2000:])
            time.sleep(0.1)
        yield Besieged(worker.process.pid, port)
