"""A small world through the real stages, with topics in memory, a real Redis and real Parquet."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

import use_cases
from cli.demo.facts import Phase, RunFacts, StageWork
from cli.selfcheck.broker import Broker, Topic
from cli.selfcheck.examine import Evidence, examine
from cli.selfcheck.held import read_held
from cli.selfcheck.logged import files_of, read_logged
from cli.selfcheck.result import Check, CheckResult
from cli.selfcheck.spans import Span
from cli.selfcheck.tables import table_reader
from event_handler.core import Handler
from generator.lookup_file import write_lookup
from generator.malformed import mixed
from generator.stream import world_of
from inference_logger.files import LogFiles
from inference_logger.service import InferenceLogger
from inference_logger.tables import layouts
from pipeline.clock import FixedClock
from pipeline.control import erase_record, lookup_record
from pipeline.declaration import Lookup, UseCase
from pipeline.faults import FaultPoints
from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.lookups import LookupTables, install
from pipeline.ports import Core
from pipeline.records import OutRecord, Target
from pipeline.settings import KafkaSettings, LoggerSettings, RedisSettings, Settings
from pipeline.stateful import Stateful
from pipeline.store.client import connect
from pipeline.store.store import Store
from pipeline.topics import Topics
from pipeline.validation import Validator
from pipeline.world import SourceRecord, World, WorldSize
from serving.core import ServingCore
from serving.lineup import Alone
from serving.scorer import Lineup, Scorer
from stream_features.core import FeatureCore
from tests.support.events import consumed
from tests.support.fakes import FakeFeed, FakeWriter, Records

CASE = use_cases.load("first_day_churn")
SIZE = WorldSize(users=12, events=25, seed=5)
INCARNATION = 7
PARTITIONS = 3
MALFORMED = 0.05
BEGAN = 1_760_000_000_000_000
STEP = 1_000  # milliseconds from one record's arrival to the next

Matrix = npt.NDArray[np.float64]


class Logistic:
    """A model simple enough to know: the more is won, the less a user leaves."""

    name = CASE.name
    version = "1"
    hash = "ab" * 32

    def score(self, matrix: Matrix) -> Matrix:
        scores: Matrix = 1 / (1 + np.exp(matrix[:, -4] / 1_000 - matrix[:, 0] / 10))
        return scores

    def decide(self, probability: float) -> str:
        return "churn" if probability >= 0.5 else "no churn"


@dataclass
class _Holder:
    model: Scorer

    @property
    def lineup(self) -> Lineup:
        return Alone(self.model)


@dataclass
class SmallRun:
    """What each topic holds, partition by partition, and what is known of the run."""

    settings: Settings
    ids: Mapping[str, str]
    case: UseCase = CASE
    model: Scorer = field(default_factory=Logistic)
    size: WorldSize = SIZE
    logs: dict[str, dict[int, Records]] = field(default_factory=dict)
    ends: dict[str, dict[int, int]] = field(default_factory=dict)
    malformed: int = 0

    @property
    def topics(self) -> Topics:
        return Topics.of(self.case)

    @property
    def world(self) -> World:
        """Whose events were sent."""
        return world_of(self.case.name)(self.size)

    @property
    def facts(self) -> RunFacts:
        generated = sum(len(records) for records in self.logs[self.topics.generated].values())
        middle = BEGAN + generated // PARTITIONS // 2 * STEP * 1_000
        work = (StageWork("event_handler", generated, 2.0),)
        load = Phase("load", BEGAN, middle, middle, generated, self.malformed, work)
        latency = Phase("latency", middle, middle, middle, 0, 0, work)
        return RunFacts(self.settings.data_dir, self.size, load, latency, example_entity="u")

    def play(self) -> SmallRun:
        """Bring everything to its effects: topics, Redis and Parquet."""
        self._generate()
        self._handle()
        core = FeatureCore(self.case, self.topics, self._tables().table, cached_entities=10)
        self._run(core, FEATURES, core.fields, self.topics.incoming)
        if self.case.model:
            serving = ServingCore(self.case, self.topics, _Holder(self.model), self._clock())
            self._run(serving, SCORES, serving.fields, self.topics.features)
        for topic in self.topics.ours:
            self._take({Target(topic, 0): []})
        for topic in self.topics.logged:
            asyncio.run(self._log(topic))
        self.ends = {
            topic: {number: len(records) for number, records in log.items()}
            for topic, log in self.logs.items()
        }
        return self

    def check(self) -> CheckResult:
        """What the self-check says now."""
        return examine(self.case, self.evidence(), self.facts)

    def evidence(self) -> Evidence:
        settings, case = self.settings, self.case
        return Evidence(
            logged=read_logged(settings.parquet_dir, case),
            files=files_of(settings.parquet_dir, case),
            broker=self.broker(),
            features=read_held(settings, FEATURES),
            scores=read_held(settings, SCORES),
            fold_tables=self._tables().table,
            recomputation_tables=table_reader(settings.lookups_dir, case),
            model_of=lambda version: self.model if version == "1" else None,
        )

    def broker(self) -> Broker:
        topics = {
            name: Topic(
                name,
                self.ids[name],
                {n: Span(0, end) for n, end in ends.items()},
                INCARNATION if name == self.topics.generated else 0,
            )
            for name, ends in self.ends.items()
        }
        return Broker(topics, (self.topics.generated,))

    def edit(self, topic: str, change: Callable[[pa.Table], pa.Table]) -> None:
        """Put what `change` makes of a topic's Parquet rows in the place of all its files."""
        files = sorted(self.settings.parquet_dir.glob(f"{topic}/date=*/*.parquet"))
        whole = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
        for file in files[1:]:
            file.unlink()
        ordered = whole.sort_by([("partition", "ascending"), ("offset", "ascending")])
        pq.write_table(change(ordered), files[0])

    def _generate(self) -> None:
        """The world's events, every tenth sent twice, and malformed ones among them."""
        good = list(self._with_repeats())
        sent = list(mixed(iter(good), self.case, MALFORMED, seed=1))
        self.malformed = len(sent) - len(good)
        parts: dict[int, list[OutRecord]] = {number: [] for number in range(PARTITIONS)}
        for number, record in enumerate(sent):
            parts[number % PARTITIONS].append(OutRecord(*record))
        self._put(self.topics.generated, parts)

    def _with_repeats(self) -> Iterator[SourceRecord]:
        for number, record in enumerate(self.world.events()):
            yield from repeat(record, 2 if number % 10 == 0 else 1)

    def _handle(self) -> None:
        handler = Handler(Validator(self.case), self.topics, PARTITIONS)
        topic, parts = self.topics.generated, defaultdict[Target, list[OutRecord]](list)
        records = [one for log in self.logs[topic].values() for one in log]
        for record in sorted(records, key=lambda one: (one.timestamp, one.partition)):
            handled = handler.handle(INCARNATION, record)
            parts[handled.target].append(handled.record)
        self._take(parts)
        incoming = self.logs[self.topics.incoming]
        self._put(
            self.topics.incoming,
            {number: self._disturbed(number, _out(log)) for number, log in incoming.items()},
        )

    def _disturbed(self, number: int, log: list[OutRecord]) -> list[OutRecord]:
        """With a control record, a replay and, on one partition, an erasure in the middle."""
        middle = len(log) // 2
        erasures = [erase_record((log[middle].key or b"").decode())] if number == 0 else []
        control = [lookup_record(one.name, self._install(one)) for one in self.case.lookups]
        before, after = log[:middle], log[middle:]
        if number == 1:
            return [*before, *before[-3:], *control, *after]  # its first registrations: the default
        return [*control, *before, *before[-3:], *erasures, *after]

    def _install(self, lookup: Lookup) -> str:
        """The world's table, as far as it is asked, without the row that is asked for first."""
        path, world = self.settings.data_dir / "table.csv", self.world
        events = [orjson.loads(event.value or b"") for event in world.events()]
        asked = [event[lookup.key] for event in events if lookup.key in event][1:]
        table = world.lookups()[lookup.name]
        write_lookup(path, lookup, [row for row in table if row[0] in asked])
        return install(path, self.settings.lookups_dir, self.case, lookup.name)

    def _run(self, core: Core[Any], kind: str, fields: Sequence[str], topic: str) -> None:
        """Read `topic` through a stage that keeps its state in the real Redis."""
        asyncio.run(self._stage(core, kind, fields, topic))

    async def _stage(self, core: Core[Any], kind: str, fields: Sequence[str], topic: str) -> None:
        writer = FakeWriter()
        stage = Stateful(
            name=kind,
            core=core,
            store=Store(connect(self.settings.redis), Keys(self.case.name, kind), fields),
            outputs=writer,
            fingerprint=self.case.fingerprint,
            effect=kind,
            clock=self._clock(),
            faults=FaultPoints(),
        )
        feed = FakeFeed(self.logs[topic], repeat(40), topic, self.ids[topic])
        stage.reader = feed
        await feed.run(stage)
        await stage.close()
        self._take(writer.logs)

    async def _log(self, topic: str) -> None:
        faults, clock = FaultPoints(), self._clock()
        files = LogFiles(self.settings.parquet_dir, "one", faults)
        files.prepare(self.topics.logged)
        stage = InferenceLogger(layouts(self.case), files, LoggerSettings(), clock, faults)
        feed = FakeFeed(self.logs[topic], repeat(1_000), topic, self.ids[topic])
        stage.reader = feed
        await feed.run(stage)
        await stage.close()

    def _take(self, written: Mapping[Target, Sequence[OutRecord]]) -> None:
        """Append what a stage wrote to its topics."""
        for topic in dict.fromkeys(target.topic for target in written):
            present = self.logs.get(topic, {})
            self._put(
                topic,
                {
                    number: [
                        *_out(present.get(number, [])),
                        *written.get(Target(topic, number), []),
                    ]
                    for number in range(PARTITIONS)
                },
            )

    def _put(self, topic: str, parts: Mapping[int, Sequence[OutRecord]]) -> None:
        self.logs[topic] = {
            number: [
                consumed(
                    record.value,
                    topic=topic,
                    partition=number,
                    offset=offset,
                    key=record.key,
                    headers=record.headers,
                    timestamp=BEGAN // 1_000 + offset * STEP,
                )
                for offset, record in enumerate(records)
            ]
            for number, records in parts.items()
        }

    def _tables(self) -> LookupTables:
        return LookupTables(self.settings.lookups_dir, self.case)

    def _clock(self) -> FixedClock:
        return FixedClock(BEGAN + 1_000_000 * STEP)


def _out(log: Records) -> list[OutRecord]:
    return [OutRecord(record.key, record.value, tuple(record.headers)) for record in log]


def settings_of(
    folder: Path, redis: str, kafka: str = "nowhere:9092", use_case: str = CASE.name
) -> Settings:
    return Settings(
        KafkaSettings(kafka),
        RedisSettings(redis),
        use_case=use_case,
        partitions=PARTITIONS,
        data_dir=folder / "data",
        lookups_dir=folder / "lookups",
    )


def ids_of(topics: Topics) -> dict[str, str]:
    """Made-up topic ids."""
    return {name: f"id-of-{name}" for name in (topics.generated, *topics.ours)}


def failing(result: CheckResult) -> set[str]:
    """The names of the checks that do not hold."""
    return {check.name for check in result.checks if not check.ok}


def called(result: CheckResult, name: str) -> Check:
    """The check of this name."""
    return next(check for check in result.checks if check.name == name)
