"""Finds out which file this is, by its bytes, and where to go on in it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cli.records.lines import LONGEST
from cli.records.positions import BEGINNING, Position, Positions
from pipeline.errors import Refusal

_BLOCK_BYTES = 1 << 20
WAY_OUT = "Put the rows that are new into a file of their own"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is read on; `hashed` has all bytes before; `is_noted` is of its name."""

    position: Position
    hashed: Any
    is_noted: bool


def name_of(path: Path) -> str:
    """By what a file's name is remembered, which tells nobody the name."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]


def first_line(file: IO[bytes]) -> bytes:
    """What no growth of a file changes."""
    file.seek(0)
    return file.readline(LONGEST + 2).strip()


def locate(file: IO[bytes], name: str, positions: Positions) -> Place:
    """Read as far as was read before; the file stands there then.

    Raises Refusal where it is a file that was ingested, and whose bytes have changed since.
    """
    size = os.fstat(file.fileno()).st_size
    way, hashed = _follow(file, size, positions)
    here, last = way[-1], positions.last(name)
    if last is not None and last.sha256 not in {one.sha256 for one in way}:
        raise Refusal(
            f"the first {last.bytes:,} bytes of this file were others when they came in",
            f"{WAY_OUT}; if all of them are new, give this one another name",
        )
    if here is not BEGINNING and size > here.bytes and positions.behind(here):
        raise Refusal(
            f"the first {here.bytes:,} bytes of this file have come in, with others behind them",
            WAY_OUT,
        )
    file.seek(here.bytes)
    return Place(here, hashed, here is BEGINNING or last == here)


def _follow(file: IO[bytes], size: int, positions: Positions) -> tuple[list[Position], Any]:
    """The positions that the file passes, from its beginning on, and the hash up to the last."""
    way, hashed = [BEGINNING], hashlib.sha256()
    while True:
        further = _further(file, size, hashed.copy(), way[-1], positions)
        if further is None:
            return way, hashed
        position, hashed = further
        way.append(position)


def _further(
    file: IO[bytes], size: int, hashed: Any, here: Position, positions: Positions
) -> tuple[Position, Any] | None:
    """The next position that is one of this file's; None where there is none."""
    file.seek(here.bytes)
    at = here.bytes
    for one in positions.behind(here):
        if one.bytes > size:
            break
        _hash(file, one.bytes - at, hashed)
        at = one.bytes
        if hashed.hexdigest() == one.sha256:
            return one, hashed
    return None


def _hash(file: IO[bytes], count: int, hashed: Any) -> None:
    while count > 0 and (block := file.read(min(count, _BLOCK_BYTES))):
        hashed.update(block)
        count -= len(block)
