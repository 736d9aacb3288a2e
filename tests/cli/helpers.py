"""What the tests of the command line share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


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
