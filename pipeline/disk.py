"""What Python has no call for: files that survive a power failure, two directories exchanged."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

NOREPLACE, EXCHANGE = 1, 2
"""Flags of Linux's renameat2."""

UNSUPPORTED = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK, errno.EACCES}
)
"""What a file system answers that does not know such a rename."""

_HERE = -100  # AT_FDCWD


def rename(source: Path, target: Path, flag: int) -> None:
    """Rename by renameat2. Raises OSError, ENOSYS where there is none."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(target))
    if call(_HERE, os.fsencode(source), _HERE, os.fsencode(target), flag):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(target))


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power failure."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a power failure, finds the old content or all of the new.

    Its directory must be there. Raises OSError.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with new.open("wb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
    new.replace(path)
    sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Make a directory and those above it, each so that it survives a power failure."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)
