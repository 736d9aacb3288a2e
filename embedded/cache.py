"""A directory of downloads in which every entry is either whole or absent."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def default_cache(environ: Mapping[str, str]) -> Path:
    """The cache that this environment asks for; outside any checkout, shared by all of them."""
    if chosen := environ.get("PIPELINE_CACHE"):
        return Path(chosen)
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "feature-stream"


def cached(cache: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """The directory `cache/name`; if it is not there, `fill` makes its content first.

    Of several processes one fills and the others wait for it. A fill that fails or is killed
    leaves nothing that could be mistaken for an entry. May block for as long as a fill takes.
    Raises Refusal if the cache cannot be written.
    """
    entry = cache / name
    if entry.is_dir():
        return entry
    _make_writable(cache)
    with _locked(cache / f".{name}.lock"):
        if not entry.is_dir():
            _publish(cache / f".{name}.partial", entry, fill)
    return entry


def _make_writable(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache).close()
    except OSError as error:
        raise Refusal(
            f"The cache {cache} cannot be written ({error.strerror})",
            "Set PIPELINE_CACHE to a directory of yours.",
        ) from error


def _publish(staged: Path, entry: Path, fill: Callable[[Path], None]) -> None:
    shutil.rmtree(staged, ignore_errors=True)  # of a process that was killed in the middle
    staged.mkdir()
    try:
        fill(staged)
        _flush(staged)
        staged.rename(entry)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _flush(directory: Path) -> None:
    """Bring the files to disk: else a power cut could leave the entry's name with empty files."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """An exclusive lock that the kernel releases even when its holder is killed."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
