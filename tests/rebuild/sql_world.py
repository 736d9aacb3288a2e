"""A log as disturbed as one can be, of either declaration, and what the fold makes of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pipeline.control import erase_record, lookup_record
from pipeline.declaration import Aggregation, Field, Integer, Number, Text, UseCase
from pipeline.fold import Fold
from pipeline.lookups import LookupTables, install
from pipeline.parquet.sql_views import Engine, views_sql
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from pipeline.times import format_time
from pipeline.topics import Topics
from pipeline.windows import STATISTICS, Lifetime, Rolling
from rebuild.builders import Ground
from rebuild.folding import fold
from tests.rebuild.newer import with_more
from tests.rebuild.rig import Ledger
from tests.support.events import NOON, SECOND, caused_by, changed, log_of

PARTITIONS = 2
USERS = [f"u{n}" for n in range(25)]
HOURS = 60

CHURN = with_more(
    Aggregation("spent", event="bet", of="bet_amount", window=Lifetime()),
    Aggregation(
        "lately",
        event="win",
        of="win_amount",
        window=Rolling((0.5, 24)),
        statistics=(*STATISTICS, "min", "max", "last"),
    ),
)

Row = dict[str, Any]
"""An entity's features by name."""


@dataclass
class SqlWorld:
    """A log in Parquet, with the tables that it names."""

    case: UseCase
    root: Path
    seed: int = 1
    events: int = 900
    again: int = 5
    """How far back an event may be that is sent twice."""
    _draw: random.Random = field(init=False)

    async def make(self) -> None:
        """Write it."""
        self._draw = random.Random(self.seed)
        logs: dict[int, list[Any]] = {number: [] for number in range(PARTITIONS)}
        for n, record in enumerate(self._records()):
            if record.key is None:
                for log in logs.values():
                    log.append(record)
                continue
            log = logs[partition_of(record.key, PARTITIONS)]
            log.append(record)
            if n % 90 == 8:  # written twice by a crash
                log.append(log[-2:][0])
        ledger = Ledger(self.root / "data", PARTITIONS, case=self.case)
        topic = Topics.of(self.case).incoming
        ledger.ids[topic] = "incomingincomingincomi"
        read = {number: log_of(log, number) for number, log in logs.items()}
        read = {p: [changed(one, topic=topic) for one in records] for p, records in read.items()}
        await ledger.log(topic, read, rows=300)
        self.ground = Ground(self.case, PARTITIONS, ledger.root, ledger.place)

    def views(self, engine: Engine) -> list[str]:
        """The statements that make the views."""
        text = views_sql(self.case, engine, self.root / "data", self.root / "lookups")
        return [one for one in text.split(";\n") if one]

    def expected(self, as_of: int = 0) -> dict[str, Row]:
        """What the fold says of everyone as of their newest event, or a later moment."""
        tables, folding = LookupTables(self.root / "lookups", self.case), Fold(self.case)
        history = self.ground.history(self.ground.topics.incoming)
        return {
            entity: folding.features(state, max(state.newest or 0, as_of))
            for number in range(PARTITIONS)
            for entity, state in fold(
                self.case, tables.table, history, number, 10**9
            ).states.items()
        }

    def _records(self) -> Iterator[OutRecord]:
        """Events late, sent twice, useless; tables loaded, entities erased."""
        sent: dict[str, list[bytes]] = {name: [] for name in USERS}
        for n in range(self.events):
            if n in (30, 450):
                yield from self._loads(n)
            name = self._draw.choice(USERS)
            if sent[name] and n % 7 == 0:  # once more
                value = self._draw.choice(sent[name][-self.again :])
            else:
                value = self._event(n, name)
                sent[name].append(value)
            if n % 200 == 150:
                yield erase_record(name)
            yield OutRecord(name.encode(), value, caused_by(n))

    def _loads(self, n: int) -> Iterator[OutRecord]:
        for one in self.case.lookups:
            table = self.root / f"{one.name}-{n}.csv"
            rows = "".join(f"{10_000 + code},{code / 7 + n}\n" for code in range(3))
            table.write_text(f"{one.key},{one.name}\n{rows}")
            yield lookup_record(
                one.name, install(table, self.root / "lookups", self.case, one.name)
            )

    def _event(self, n: int, name: str) -> bytes:
        draw, kind = self._draw, self._draw.choice(self.case.events)
        at = NOON + n * HOURS * 3600 // self.events * SECOND - draw.randrange(3 * 3600) * SECOND
        content = {
            self.case.entity: name,
            "event_type": kind.name,
            "event_time": format_time(at),
            "schema_version": 1,
            **({"event_id": f"e{n}"} if n % 4 else {}),
        }
        if n % 60 == 11:  # what the fold cannot use
            return orjson.dumps(content)
        values: dict[type[Field], float | str] = {
            Number: draw.uniform(1, 9),
            Integer: 10_000 + draw.randrange(45 if n % 2 else 4),
            Text: f"text {n % 5}",
        }
        content |= {one.name: values[type(one)] for one in kind.fields if type(one) in values}
        return orjson.dumps(content)
