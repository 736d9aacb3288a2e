"""Where the files of a logged topic are, in which order, and how far a partition is in them.

A file's name is its partition and the offset expected next when it was begun, so that the files of
a partition follow each other without a gap: each begins where the footer before it ends. That of a
compacted file has its last offset as well: it never is the name of a file which it replaces.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from pipeline.errors import Refusal
from pipeline.parquet.format import Footer, Origins, decode_origins, encode_origins

POSITIONS = "_positions"
_COUNT = "partitions"
_ASKED = "asked"
_TRIES = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Position:
    """`next_offset` is the first one that is in no file; `origins` the highest before it."""

    topic_id: str
    next_offset: int
    origins: Origins

    @classmethod
    def after(cls, footer: Footer) -> Position:
        """The position once the file of this footer is published."""
        return cls(footer.topic_id, footer.last + 1, footer.origins)

    def encode(self) -> str:
        """The content of a position file."""
        return json.dumps(
            {
                "topic_id": self.topic_id,
                "next_offset": self.next_offset,
                "origins": encode_origins(self.origins),
            }
        )

    @classmethod
    def decode(cls, text: str) -> Position:
        """The inverse of `encode`. Raises ValueError or KeyError."""
        fields = json.loads(text)
        return cls(fields["topic_id"], fields["next_offset"], decode_origins(fields["origins"]))


def later(one: Position | None, other: Position | None) -> Position | None:
    """The one with the higher offset.

    A position file outlives archived Parquet; the last file is newer than its position file where
    a worker died between the two.
    """
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda position: position.next_offset)


def file_name(partition: int, start: int) -> str:
    """The name of the file of `partition` that begins at the offset `start`."""
    return f"{partition}-{start:020}.parquet"


def compacted_name(partition: int, start: int, last: int) -> str:
    """The name of the file that took the place of those from the offset `start` to `last`."""
    return f"{partition}-{start:020}-{last:020}.parquet"


def is_compacted(name: str) -> bool:
    """Whether a file of this name is a compacted one."""
    return name.count("-") > 1


def files_of(home: Path, partition: int) -> list[Path]:
    """The files of a partition in the order of their offsets; `home` is the topic's directory."""
    return [Path(directory, name) for name, directory in sorted(names(home, f"{partition}-"))]


def partitions_in(home: Path) -> set[int]:
    """The partitions that `home` has a file or a position of."""
    noted = {int(path.stem) for path in (home / POSITIONS).glob("*.json")}
    return noted | {int(name.partition("-")[0]) for name, _ in names(home)}


def start_of(path: Path) -> int:
    """The offset at which a file begins."""
    return int(path.stem.split("-")[1])


def footer_of(path: Path) -> Footer:
    """What the file says of itself. Raises Refusal where it is damaged."""
    try:
        return Footer.read(path)
    except (ValueError, pa.ArrowException) as error:
        raise Refusal(f"the footer of {path} cannot be read", "Restore it from a copy") from error


def note_path(home: Path, partition: int) -> Path:
    """Where the position of a partition is noted."""
    return home / POSITIONS / f"{partition}.json"


def position_of(home: Path, partition: int) -> Position | None:
    """How far a partition is in the log; None where nothing was ever written of it.

    Raises Refusal where the note or the last file is damaged.
    """
    last = again_if_replaced(lambda: _after_last_file(home, partition))
    return later(noted_position(home, partition), last)


def _after_last_file(home: Path, partition: int) -> Position | None:
    name, directory = max(names(home, f"{partition}-"), default=("", ""))
    return Position.after(footer_of(Path(directory, name))) if name else None


def noted_position(home: Path, partition: int) -> Position | None:
    """The noted position, which may be older than the last file's. Raises Refusal if damaged."""
    path = note_path(home, partition)
    try:
        return Position.decode(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        raise Refusal(
            f"the position file {path} is damaged",
            "Remove it, if no file of this partition has been moved away since it was written",
        ) from error


def note_count(home: Path, partitions: int) -> None:
    """Note, once for all, the number of partitions by which entities are placed in `home`."""
    path = home / POSITIONS / _COUNT
    if not path.exists():
        path.write_text(str(partitions))


def noted_count(home: Path) -> int | None:
    """The number that was noted, if one was."""
    try:
        return int((home / POSITIONS / _COUNT).read_text())
    except (FileNotFoundError, ValueError):
        return None


def ask_for_files(home: Path) -> None:
    """Ask the loggers of a topic to put what they hold of it into files now. Raises OSError."""
    (home / POSITIONS / _ASKED).touch()


def asked_at(home: Path) -> int:
    """When files were last asked for, in nanoseconds since 1970; 0 where they never were."""
    try:
        return (home / POSITIONS / _ASKED).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def names(home: Path, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The name of every file of the topic at `home`, with its directory."""
    return (
        (name, date.path)
        for date in (os.scandir(home) if home.is_dir() else ())
        if date.name.startswith("date=")
        for name in _listed(date.path)
        if name.startswith(prefix) and name.endswith(".parquet")
    )


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 - may be very many: no objects yet
    except FileNotFoundError:  # removed since it was found
        return []


def again_if_replaced(read: Callable[[], T]) -> T:
    """What `read` answers, asked again where a file was replaced between listing and opening."""
    for _ in range(_TRIES):
        try:
            return read()
        except FileNotFoundError:
            continue
    return read()
