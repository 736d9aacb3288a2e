"""The dates of a logged topic, their files, and whether the logger is done with them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from pipeline.errors import InfrastructureError
from pipeline.parquet.files import footer_of, is_compacted, noted_position, start_of

_PREFIX = "date="
_OURS = re.compile(r"\d+-\d{20}(-\d{20})?\.parquet")


@dataclass(frozen=True, slots=True)
class Size:
    """How many files, and their bytes."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Day:
    """A date of the topic at `home`."""

    home: Path
    date: date

    @property
    def topic(self) -> str:
        """Whose date it is."""
        return self.home.name

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return self.home / f"{_PREFIX}{self.date.isoformat()}"

    def names(self) -> list[str]:
        """What is in its directory, in order."""
        return sorted(os.listdir(self.directory))  # noqa: PTH208 - may be very many: no objects yet

    def size(self) -> Size:
        """Of all its files together."""
        sizes = [entry.stat().st_size for entry in os.scandir(self.directory)]
        return Size(len(sizes), sum(sizes))

    def is_compact(self) -> bool:
        """Whether nothing came since it was compacted."""
        return all(is_compacted(name) for name in self.names())

    def partitions(self) -> list[list[Path]]:
        """Its files, in log order, of each partition.

        Raises InfrastructureError where something lies among them that is no file of the log.
        """
        names = self.names()
        strange = [name for name in names if not _OURS.fullmatch(name)]
        if strange:
            raise InfrastructureError(f"{strange[0]} is no file of the log; move it away")
        paths = sorted((self.directory / name for name in names), key=_place)
        return [list(files) for _, files in groupby(paths, key=lambda path: _place(path)[0])]

    def refuse_unless_noted(self) -> None:
        """Raise InfrastructureError where a position does not say that these files were written.

        Only a noted position keeps a worker that was stalled from writing them once more.
        """
        for files in self.partitions():
            footer = footer_of(files[-1])
            noted = noted_position(self.home, footer.partition)
            if noted is None or noted.next_offset <= footer.last:
                raise InfrastructureError(
                    f"the position of partition {footer.partition} is not noted behind it yet"
                )


def days_of(home: Path, before: date) -> list[Day]:
    """The dates of a topic before another, oldest first."""
    found = (path.name.removeprefix(_PREFIX) for path in home.glob(f"{_PREFIX}*"))
    dates = sorted(date.fromisoformat(text) for text in found)
    return [Day(home, one) for one in dates if one < before]


def _place(path: Path) -> tuple[int, int]:
    return int(path.name.partition("-")[0]), start_of(path)
