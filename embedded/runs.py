"""The runs under a folder: which there are, whether they run, and what each holds.

Reads files and locks; starts no server and asks none.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from embedded.stack import ENDPOINTS, LOCK, Endpoints, is_locked, own

_REMOVED = ".removed-"
_BLOCK = 512  # bytes; what st_blocks counts in
_BATCH = struct.Struct(">qiibiHi")
"""The head of a batch in a segment: base offset, length behind these 12 bytes, ..., last delta."""


@dataclass(frozen=True, slots=True)
class Run:
    """A folder of one stack; `used_at` is when it was last started or stopped, in Unix seconds.

    A stack that is only starting runs already, and has no endpoints yet.
    """

    directory: Path
    is_running: bool
    endpoints: Endpoints | None
    used_at: float

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.directory.name

    @property
    def holds_data(self) -> bool:
        """Whether anything was ever written to a topic."""
        paths = (path for log in _logs(self.directory) for path in _segments(log))
        return any(_stat(path).st_size for path in paths)

    def records(self) -> int:
        """How many records its topics hold. Reads the heads of the batches in their last files."""
        return sum(_records_in(log) for log in _logs(self.directory))

    def bytes(self) -> int:
        """What it takes on the disk."""
        walked = os.walk(self.directory)  # which passes over what is removed meanwhile
        paths = (Path(folder) / name for folder, _, names in walked for name in names)
        return sum(_stat(path).st_blocks * _BLOCK for path in paths)


def runs_of(root: Path) -> list[Run]:
    """All runs under `root`, the one that was used last first."""
    folders = [path for path in root.glob("*") if _is_run(path)]
    return sorted(map(_run, folders), key=lambda run: run.used_at, reverse=True)


def find_endpoints(root: Path) -> Endpoints | None:
    """The endpoints of the stack that was started last of those that run now."""
    return next((run.endpoints for run in runs_of(root) if run.endpoints), None)


def remove(run: Run) -> None:
    """Remove a run and all it holds; killed half-way, `sweep` does the rest.

    Raises Refusal where a stack runs in it.
    """
    gone = run.directory.with_name(f"{_REMOVED}{run.name}")
    with own(run.directory):
        run.directory.rename(gone)
    shutil.rmtree(gone)


def sweep(root: Path) -> None:
    """Remove what is left of runs whose removal was killed."""
    for left in root.glob(f"{_REMOVED}*"):
        shutil.rmtree(left)


def _stat(path: Path) -> os.stat_result:
    """Of a file; of nothing where it is gone, as in a run that goes on."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return Path(os.devnull).stat()


def _is_run(path: Path) -> bool:
    has_any = (path / LOCK).exists() or (path / "kafka").is_dir()
    return has_any and not path.name.startswith(".")


def _run(directory: Path) -> Run:
    is_running = (directory / LOCK).exists() and is_locked(directory)
    endpoints = _endpoints(directory) if is_running else None
    return Run(directory, is_running, endpoints, directory.stat().st_mtime)


def _endpoints(directory: Path) -> Endpoints | None:
    try:
        return Endpoints(**json.loads((directory / ENDPOINTS).read_text()))
    except FileNotFoundError:
        return None


def _logs(directory: Path) -> list[Path]:
    """The directories of all partitions but those of Kafka's own topics."""
    logs = (directory / "kafka" / "data").glob("*-*/")
    return [log for log in logs if not log.name.startswith("__")]


def _segments(log: Path) -> list[Path]:
    """The files of a partition, each named by its first offset, the oldest first."""
    return sorted(path for path in log.glob("*.log") if path.stem.isdecimal())


def _records_in(log: Path) -> int:
    segments = _segments(log)
    ends = (end for path in reversed(segments) if (end := _end_of(path)) is not None)
    return next(ends, int(segments[0].stem)) - int(segments[0].stem) if segments else 0


def _end_of(segment: Path) -> int | None:
    """The offset behind its last whole batch; None where there is none."""
    with segment.open("rb") as file:
        return _last(file, segment.stat().st_size)


def _last(file: BinaryIO, size: int) -> int | None:
    end, position = None, 0
    while position + _BATCH.size <= size:
        file.seek(position)
        base, length, *_, delta = _BATCH.unpack(file.read(_BATCH.size))
        position += 12 + length
        if length <= 0 or position > size:  # of a broker that was killed while it wrote
            break
        end = base + delta + 1
    return end
