"""Which versions of a lookup stay in memory: those in force in some partition of this worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from weakref import WeakValueDictionary

import pytest

from pipeline.control import lookup_record
from pipeline.errors import InfrastructureError
from pipeline.lookups import LookupTables, Table, install
from stream_features.core import FeatureCore
from tests.support.events import batch_of, log_of, registration
from tests.support.stages import INDEX, TOPICS
from use_cases.first_day_churn import USE_CASE


class Worker:
    """A core on tables in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tables = LookupTables(directory / "lookups", USE_CASE)
        self._in_memory = WeakValueDictionary[int, Table]()
        self.core = FeatureCore(USE_CASE, TOPICS, self._table, 10)

    def _table(self, lookup: str, version: str) -> Table:
        table = self._tables.table(lookup, version)
        self._in_memory[id(table)] = table
        return table

    @property
    def in_memory(self) -> list[float]:
        """The value of each table's only key."""
        return sorted(table[10000] for table in self._in_memory.values())

    def install(self, value: float) -> str:
        source = self._directory / "table.csv"
        source.write_text(f"postcode,{INDEX}\n10000,{value}\n")
        return install(source, self._directory / "lookups", USE_CASE, INDEX)

    def load(self, partition: int, version: str, lookups: Mapping[str, str] | None = None) -> None:
        """Apply that a version was loaded, and an event that looks it up."""
        log = log_of([registration(), lookup_record(INDEX, version), registration()])
        items = self.core.decode(batch_of(log), after=-1)
        unknown = self.core.unknown(partition, items)
        self.core.learn(partition, unknown, [[None] * len(self.core.fields) for _ in unknown])
        self.core.apply(partition, lookups or {}, items).settled()


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def test_a_version_leaves_memory_when_another_one_is_in_force(worker: Worker) -> None:
    lookups: dict[str, str] = {}
    for night in range(30):
        version = worker.install(night)
        for partition in range(3):
            worker.load(partition, version, lookups)
        lookups = {INDEX: version}
    assert worker.in_memory == [29]


def test_a_version_stays_while_it_is_in_force_in_some_partition(worker: Worker) -> None:
    old, new = worker.install(1), worker.install(2)
    worker.load(0, old)
    worker.load(1, old)
    worker.load(1, new)
    assert worker.in_memory == [1, 2]


def test_a_version_leaves_memory_with_the_last_partition_that_used_it(worker: Worker) -> None:
    worker.load(0, worker.install(1))
    worker.load(1, worker.install(2))
    worker.core.forget(0)
    assert worker.in_memory == [2]


def test_an_older_version_is_read_again_after_a_rewind(worker: Worker) -> None:
    old, new = worker.install(1), worker.install(2)
    worker.load(0, old)
    worker.load(0, new)
    worker.core.forget(0)
    worker.load(0, old)
    assert worker.in_memory == [1]


def test_a_version_that_is_waited_for_drops_none_that_is_in_force(worker: Worker) -> None:
    worker.load(0, worker.install(1))
    with pytest.raises(InfrastructureError):
        worker.load(0, "0" * 16)
    assert worker.in_memory == [1]
