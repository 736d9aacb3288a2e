"""A snapshot of what a source sent: every record in its order, and the lookup tables beside it.

A folder: `events.parquet` has each `key` and `value` as they were sent, `<lookup>.csv` a table, and
`snapshot.json` says where they are from and the moment they end at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from generator.lookup_file import write_lookup
from pipeline.declaration import Lookup, UseCase
from pipeline.fold import LookupKey
from pipeline.lookups import parse_table
from pipeline.parquet.format import write
from pipeline.world import SourceRecord, World

_EVENTS, _ABOUT = "events.parquet", "snapshot.json"
_SCHEMA = pa.schema([("key", pa.binary()), ("value", pa.binary())])
_ROWS = 65_536  # in memory as Python values at once


@dataclass(frozen=True, slots=True)
class About:
    """Of which use case a snapshot is, where it is from, and its end in microseconds."""

    use_case: str
    source: str
    end: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a folder holds of a use case's source."""

    folder: Path
    case: UseCase

    def events(self) -> Iterator[SourceRecord]:
        """All records in the order in which they were sent."""
        for part in pq.ParquetFile(self.folder / _EVENTS).iter_batches(_ROWS):
            keys, values = (part.column(name).to_pylist() for name in _SCHEMA.names)
            yield from map(SourceRecord, keys, values)

    def lookups(self) -> Mapping[str, Iterable[tuple[LookupKey, float]]]:
        """Key and value of every row, by the lookup's name. Raises Refusal for a bad table."""
        return {
            one.name: parse_table(_csv(self.folder, one).read_bytes(), self.case, one).items()
            for one in self.case.lookups
        }


def read_about(folder: Path) -> About:
    """What the snapshot in a folder says of itself."""
    return About(**json.loads((folder / _ABOUT).read_text()))


def take(folder: Path, case: UseCase, world: World, about: About) -> None:
    """Write the snapshot of a world into a folder. The same world gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = zip(*world.events(), strict=True)
    table = pa.Table.from_arrays([pa.array(one, pa.binary()) for one in columns], schema=_SCHEMA)
    with (folder / _EVENTS).open("wb") as file:
        write(table, file)
    for lookup in case.lookups:
        write_lookup(_csv(folder, lookup), lookup, world.lookups()[lookup.name])
    (folder / _ABOUT).write_text(f"{json.dumps(asdict(about), indent=2)}\n")


def _csv(folder: Path, lookup: Lookup) -> Path:
    return folder / f"{lookup.name}.csv"
