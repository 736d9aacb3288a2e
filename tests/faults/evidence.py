"""All that the invariants look at, each thing read once, when it is first asked for."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cli.selfcheck.held import Held, read_held
from pipeline.declaration import Integer, UseCase
from pipeline.keys import FEATURES, SCORES
from pipeline.manifest import newest_folder
from pipeline.settings import Settings
from pipeline.topics import Topics, incarnations_of
from serving.model import Model
from serving.scorer import Scorer
from tests.faults.logs import Logs, Record, Topic, read_logs
from tests.faults.oracle import Folded, Oracle
from tests.faults.origins import Effective, effective


@dataclass
class Evidence:
    """Of one use case, once nothing moves any more.

    `is_invalid` says of a source record whether it is to be rejected, `acknowledged` counts the
    source's records by key and value, and `earlier` holds what Kafka no longer has of its topics.
    """

    case: UseCase
    settings: Settings
    is_invalid: Callable[[Record], bool]
    acknowledged: Sequence[tuple[bytes | None, bytes | None]]
    earlier: Logs = field(default_factory=dict)
    tables: dict[tuple[str, str], Mapping[Any, float]] = field(default_factory=dict)

    @cached_property
    def topics(self) -> Topics:
        """The names of the topics."""
        return Topics.of(self.case)

    @cached_property
    def logs(self) -> Logs:
        """The whole history of each topic."""
        names = (self.topics.generated, *self.topics.ours)
        found = read_logs(self.settings.kafka.bootstrap, names)
        return {
            name: topic.after(self.earlier[name]) if name in self.earlier else topic
            for name, topic in found.items()
        }

    @property
    def source(self) -> Topic:
        """The first log."""
        return self.logs[self.topics.generated]

    @cached_property
    def source_log(self) -> str:
        """What origins call the source: the handlers' registry numbers its topics by time."""
        bootstrap, registry = self.settings.kafka.bootstrap, incarnations_of(self.case)
        numbers, last = dict[str, int](), 0
        for record in read_logs(bootstrap, [registry])[registry]:
            met = json.loads(record.value or b"")
            if met["source"] == self.source.name and met["topic_id"] not in numbers:
                last = numbers[met["topic_id"]] = max(last + 1, record.timestamp // 1000)
        return f"{self.source.name}:{numbers[self.source.id]}"

    @property
    def incoming(self) -> Topic:
        """The canonical events and the control records."""
        return self.logs[self.topics.incoming]

    @property
    def serving(self) -> Topic:
        """What is to be scored."""
        return self.logs[self.topics.features]

    @property
    def inferences(self) -> Topic:
        """The scores."""
        return self.logs[self.topics.inferences]

    @property
    def rejected(self) -> Topic:
        """What could not be used."""
        return self.logs[self.topics.rejected]

    @cached_property
    def oracle(self) -> Oracle:
        """The reducer, with the tables on disk."""
        return Oracle(self.case, self._table)

    @cached_property
    def folded(self) -> Mapping[int, Folded]:
        """What the log of events comes to, by partition."""
        return self.oracle.reduce(self.incoming)

    @cached_property
    def features(self) -> Held:
        """What Redis holds of `stream_features`."""
        return read_held(self.settings, FEATURES)

    @cached_property
    def scores(self) -> Held:
        """What Redis holds of `serving`."""
        return read_held(self.settings, SCORES)

    @cached_property
    def model(self) -> Scorer:
        """The model in service."""
        return Model.load(newest_folder(self.settings.models_dir, self.case.name), self.case)

    def effective(self, topic: Topic) -> dict[int, list[Effective]]:
        """The records of a topic that are no replays, by partition."""
        return {n: effective(topic.id, records) for n, records in topic.partitions.items()}

    def _table(self, lookup: str, version: str) -> Mapping[Any, float]:
        if (lookup, version) not in self.tables:
            self.tables[(lookup, version)] = self._read_table(lookup, version)
        return self.tables[(lookup, version)]

    def _read_table(self, lookup: str, version: str) -> Mapping[Any, float]:
        (declared,) = [one for one in self.case.lookups if one.name == lookup]
        key = self.case.event(declared.event).field(declared.key)
        key_of: Callable[[str], Any] = int if isinstance(key, Integer) else str
        path = self.settings.lookups_dir / self.case.name / lookup / f"{version}.csv"
        with path.open(newline="") as file:
            return {key_of(line[0]): float(line[1]) for line in list(csv.reader(file))[1:]}
