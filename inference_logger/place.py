"""How a finished file gets its name without ever taking one that is taken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pipeline.disk import NOREPLACE, UNSUPPORTED, rename

Place = Callable[[Path, Path], None]
"""Gives the first file the second name as well. Raises FileExistsError when that is taken."""


def by_link(temporary: Path, final: Path) -> None:
    """A second name for the file."""
    os.link(temporary, final)


def by_rename(temporary: Path, final: Path) -> None:
    """Linux's rename that does not replace, for file systems without links."""
    rename(temporary, final, NOREPLACE)


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
        if error.errno in UNSUPPORTED:
            return False
        raise
    else:
        return False
    finally:
        temporary.unlink(missing_ok=True)
        final.unlink(missing_ok=True)
