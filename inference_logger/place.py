"""How a finished file gets its name without ever taking one that is taken."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

Place = Callable[[Path, Path], None]
"""Gives the first file the second name as well. Raises FileExistsError when that is taken."""

_NOREPLACE = 1
_HERE = -100  # AT_FDCWD
_UNSUPPORTED = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK, errno.EACCES}
)


def by_link(temporary: Path, final: Path) -> None:
    """A second name for the file."""
    os.link(temporary, final)


def by_rename(temporary: Path, final: Path) -> None:
    """Linux's rename that does not replace, for file systems without links."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(final))
    if rename(_HERE, os.fsencode(temporary), _HERE, os.fsencode(final), _NOREPLACE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(final))


def works(place: Place, temporary: Path, final: Path) -> bool:
    """Try `place` on two files made for it: the second must not get the first one's name.

    Leaves nothing behind. Raises OSError when the disk fails for another reason.
    """
    try:
        temporary.touch()
        place(temporary, final)
        temporary.touch()
        place(temporary, final)
    except FileExistsError:
        return True
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    else:
        return False
    finally:
        temporary.unlink(missing_ok=True)
        final.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power failure."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(path: Path) -> None:
    """Make a directory and those above it, each so that it survives a power failure."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)
