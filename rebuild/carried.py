"""What is carried over from one epoch to the next: highest origins, and the lookups in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import pyarrow.compute as pc

from pipeline.control import LookupLoaded
from pipeline.declaration import UseCase
from pipeline.origin import Highest, Origin
from pipeline.parquet.files import noted_count, partitions_in, position_of
from pipeline.parquet.format import Origins, schemas
from pipeline.parquet.rows import control_of
from pipeline.topics import Topics
from rebuild.history import Epoch, History, Lookups, read_history

_Load = tuple[int, str, str]
"""When a lookup was loaded (milliseconds), its name and version."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Reads it out of the epochs under `root`; the topics have so many partitions now."""

    case: UseCase
    root: Path
    partitions: int

    def origins(self, topic: str, partition: int) -> Origins:
        """The highest origins of what belongs to a partition of today, by writer."""
        home = self.root / topic
        before = noted_count(home) or self.partitions
        if before == self.partitions:
            position = position_of(home, partition)
            return position.origins if position else {}
        if topic == Topics.of(self.case).rejected:
            return _merged(home)
        return {"": self._highest(topic, partition, before)}

    def lookups(self, before: int, ending: Collection[int]) -> dict[int, Lookups]:
        """The lookups in force where the next epoch begins, by its partitions.

        Of partitions that are not `ending`, those with which the epoch began. Where partitions
        mix, what was loaded last on any of them.
        """
        epoch = read_history(self.root, Topics.of(self.case).incoming, self.partitions).current
        loads = {number: list(self._loads(epoch, number)) for number in epoch.numbers}
        if before != self.partitions:
            first = {name: one for begun in epoch.lookups.values() for name, one in begun.items()}
            in_time = sorted((load for one in loads.values() for load in one), key=itemgetter(0))
            return dict.fromkeys(range(self.partitions), _in_force(first, in_time))
        return {
            number: _in_force(
                epoch.lookups.get(number, {}), loads.get(number, ()) if number in ending else ()
            )
            for number in range(self.partitions)
        }

    def _loads(self, epoch: Epoch, number: int) -> Iterator[_Load]:
        schema = schemas(self.case)[Topics.of(self.case).incoming]
        for rows in epoch.stream(number).batches(schema, ("timestamp", "control")):
            for row in rows.filter(pc.is_valid(rows["control"])).to_pylist():
                content = control_of(row["control"])
                if isinstance(content, LookupLoaded):
                    at = round(row["timestamp"].timestamp() * 1000)
                    yield at, content.lookup, content.version

    def _highest(self, topic: str, partition: int, before: int) -> Highest:
        """Those of the entities that belong to a partition of today."""
        history = read_history(self.root, topic, before)
        nothing = Epoch(self.root / "nothing", None, self.partitions)
        whole = History([*history.older, history.current], nothing)
        highest, entity = Highest(), self.case.entity
        for stream in whole.streams(partition):
            for rows in stream.batches(schemas(self.case)[topic], ("origin", entity)):
                for row in rows.filter(pc.is_valid(rows[entity])).to_pylist():
                    if stream.has(row[entity]):
                        highest.admit(Origin.decode(row["origin"].encode()))
        return highest


def positions_in(home: Path) -> Iterator[Origins]:
    """The highest origins of each partition."""
    for number in sorted(partitions_in(home)):
        position = position_of(home, number)
        if position is not None:
            yield position.origins


def _in_force(first: Lookups, loads: Iterable[_Load]) -> Mapping[str, str]:
    return {**first, **{lookup: version for _, lookup, version in loads}}


def _merged(home: Path) -> dict[str, Highest]:
    """Of all partitions: what comes of one source partition is in one of them, however many."""
    merged: dict[str, Highest] = {}
    for origins in positions_in(home):
        for writer, highest in origins.items():
            merged.setdefault(writer, Highest()).join(highest)
    return merged
