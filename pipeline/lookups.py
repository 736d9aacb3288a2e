"""Lookup tables: immutable CSV files named by their content's hash, in a directory all workers see.

`<directory>/<use case>/<lookup>/<version>.csv`, with a header of the key field and the lookup's
name. They are never deleted by us: the log names versions for as long as it is kept.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from weakref import WeakValueDictionary

from pipeline.clock import Clock, SystemClock
from pipeline.declaration import Integer, Lookup, UseCase
from pipeline.disk import write_whole
from pipeline.errors import Refusal, Waiting
from pipeline.fold import LookupKey

_VERSION_DIGITS = 16
_LATE_SECONDS = 60.0


class Table(dict[LookupKey, float]):
    """The value of each key; a plain dict cannot be referred to weakly."""


class LookupTables:
    """The tables of one use case.

    In memory are those that somebody keeps, who share them, and of each lookup the last one asked
    for; any other is read again.
    """

    def __init__(self, directory: Path, case: UseCase, clock: Clock | None = None) -> None:
        self._directory = directory / case.name
        self._case = case
        self._clock = clock or SystemClock()
        self._missed: dict[tuple[str, str], float] = {}
        self._read = WeakValueDictionary[tuple[str, str], Table]()
        self._last: dict[str, Table] = {}

    def table(self, lookup: str, version: str) -> Table:
        """The table of a version. Raises Waiting while its file cannot be read."""
        table = self._read.get((lookup, version))
        if table is None:
            table = self._read[(lookup, version)] = self._table_on_disk(lookup, version)
        self._last[lookup] = table
        return table

    def _table_on_disk(self, lookup: str, version: str) -> Table:
        path = self._directory / lookup / f"{version}.csv"
        try:
            return parse_table(path.read_bytes(), self._case, _lookup(self._case, lookup))
        except OSError as error:
            raise Waiting(
                f"waiting for version {version} of the lookup {lookup}: {path} cannot be read; "
                "every worker must see the directory PIPELINE_LOOKUPS"
            ) from error

    def can_come(self, lookup: str, version: str, said_at: int) -> bool:
        """Whether a table that cannot be read may be there later; `said_at` is milliseconds.

        Its file is there before a record says that it was loaded. A shared directory may show it
        a minute late; one that is not there itself is not mounted, and says nothing of any table.
        """
        home = self._directory / lookup
        if not home.is_dir() or (home / f"{version}.csv").exists():
            return True
        now = self._clock.monotonic()
        asked = self._missed.setdefault((lookup, version), now)
        waits = max(now - asked, self._clock.now() / 1e6 - said_at / 1e3) < _LATE_SECONDS
        if not waits:
            del self._missed[(lookup, version)]
        return waits


def make_homes(directory: Path, case: UseCase) -> None:
    """Make the directories of a case's tables: without one a worker waits for it to be mounted."""
    for lookup in case.lookups:
        (directory / case.name / lookup.name).mkdir(parents=True, exist_ok=True)


def install(source: Path, directory: Path, case: UseCase, lookup: str) -> str:
    """Copy a checked table to its place, atomically; returns its version. Raises Refusal."""
    try:
        content = source.read_bytes()
    except OSError as error:
        raise Refusal(f"{source} cannot be read: {error.strerror}", "Name a CSV file") from error
    parse_table(content, case, _lookup(case, lookup))
    version = hashlib.sha256(content).hexdigest()[:_VERSION_DIGITS]
    place = directory / case.name / lookup
    place.mkdir(parents=True, exist_ok=True)
    write_whole(place / f"{version}.csv", content)
    return version


def parse_table(content: bytes, case: UseCase, lookup: Lookup) -> Table:
    """The table in a CSV file's bytes. Raises Refusal, which names the line at fault."""
    lines = _lines(content)
    header = next(lines, [])
    if header != [lookup.key, lookup.name]:
        raise Refusal(
            f"the table's first line is {','.join(header)!r}",
            f"It must be {lookup.key},{lookup.name}",
        )
    key_of = int if isinstance(case.event(lookup.event).field(lookup.key), Integer) else str
    table = Table()
    for number, line in enumerate(lines, start=2):
        try:
            key, value = key_of(line[0]), float(line[1])
        except (ValueError, IndexError):
            raise _bad_line(number, f"is not a {lookup.key} and a number") from None
        if len(line) != len(header):
            raise _bad_line(number, f"has {len(line)} columns")
        if key in table or not math.isfinite(value):
            raise _bad_line(number, "repeats a key, or has no finite number")
        table[key] = value
    return table


def _lines(content: bytes) -> Iterator[list[str]]:
    try:
        yield from csv.reader(content.decode("utf-8", errors="replace").splitlines())
    except csv.Error as error:
        raise Refusal(f"the table is no CSV file: {error}", "Mend it and load it again") from error


def _bad_line(number: int, problem: str) -> Refusal:
    return Refusal(f"line {number} of the table {problem}", "Mend the file and load it again")


def _lookup(case: UseCase, name: str) -> Lookup:
    for lookup in case.lookups:
        if lookup.name == name:
            return lookup
    known = ", ".join(one.name for one in case.lookups) or "none"
    raise Refusal(f"{case.name} has no lookup {name!r}", f"It declares: {known}")
