"""What the tests of the command line share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its status, what it printed, and what it said in errors."""

    status: int
    output: str
    errors: str

    @property
    def words(self) -> str:
        """All that it printed, whatever the terminal's width made of it."""
        return " ".join(self.output.split())


class Run(Protocol):
    """Runs a command line."""

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ended: ...


@contextmanager
def commanding(
    module: str, settings: Settings, faults: str, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A module of these tests in a process of its own; it is gone at the end."""
    mine = {"PIPELINE_KAFKA": settings.kafka.bootstrap, "PIPELINE_FAULTS": faults}
    command = [sys.executable, "-m", f"tests.cli.{module}", *arguments]
    environ = {**os.environ, **mine, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) as running:
        try:
            yield running
        finally:
            running.kill()


def open_to_others(root: Path) -> list[str]:
    """What at and below `root` others than its owner have a permission on."""
    paths = [root, *root.rglob("*")]
    return [str(path) for path in paths if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def eventually(fact: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether `fact` becomes true in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children(pid: int) -> list[int]:
    """The processes that `pid` has started and that still belong to it."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
