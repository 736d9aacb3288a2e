"""Who may touch the files of the log: locks of the operating system, which end with their holder.

Whoever publishes files of a topic, or reads them and must not be disturbed, shares its lock; who
replaces or removes what is there holds it alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.disk import make_directory
from pipeline.errors import InfrastructureError, Refusal

WORK = "_compaction"
_LOCK = "_positions/lock"
_PAUSE_SECONDS = 0.01
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


@contextlib.contextmanager
def publishing(home: Path) -> Iterator[None]:
    """Share the lock of the topic at `home`; waits for a second while files are replaced.

    Raises InfrastructureError where that takes longer. Where the file system has no locks nobody
    can replace files, and none is needed.
    """
    with _opened(home / _LOCK) as handle:
        with contextlib.suppress(Refusal):
            _wait_for(handle, fcntl.LOCK_SH, home, seconds=1.0)
        yield


@contextlib.contextmanager
def replacing(home: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of the topic at `home` alone; waits for so long.

    Raises InfrastructureError where others keep it, Refusal where the file system has no locks.
    """
    with _opened(home / _LOCK) as handle:
        _wait_for(handle, fcntl.LOCK_EX, home, seconds)
        yield


@contextlib.contextmanager
def rearranging(root: Path) -> Iterator[None]:
    """Be the only one to rearrange the files under `root`. Raises Refusal where another does."""
    make_directory(root / WORK)
    with _opened(root / WORK / "lock") as handle:
        try:
            locked = _locked(handle, fcntl.LOCK_EX)
        except Refusal:  # then nothing can be compacted either
            locked = True
        if not locked:
            raise Refusal(
                f"the files in {root} are being compacted, or a new epoch is being begun",
                "Wait for that to end",
            )
        yield


def _locked(handle: int, kind: int) -> bool:
    """Whether the lock was free. Raises Refusal where there are none."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise Refusal(
            "PIPELINE_DATA is on a file system without locks", "Move it to one that has them"
        ) from error
    return True


def _wait_for(handle: int, kind: int, home: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _locked(handle, kind):
        if time.monotonic() > deadline:
            raise InfrastructureError(f"others hold the lock of {home.name}")
        time.sleep(_PAUSE_SECONDS)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield handle
    finally:
        os.close(handle)
