"""Where one row plays: a use case of its own, its workers, its source, and its evidence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from cli.runs import OUTSIDE, ROOT
from cli.selfcheck.held import read_held
from cli.stack.running import note_workers
from cli.state.lags import LagReader
from generator.pace import AtRate
from generator.stream import world_of
from pipeline.clock import SystemClock
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Admin
from pipeline.settings import Settings, read_settings
from pipeline.topics import STAGES, Topics, incarnations_of
from pipeline.world import SourceRecord, WorldSize
from tests.faults.crew import Crew
from tests.faults.evidence import Evidence
from tests.faults.findings import Verdict, within
from tests.faults.invariants import Invariant
from tests.faults.logs import NO_LOGS, Logs
from tests.faults.props import install_model, install_tables
from tests.faults.scale import Scale
from tests.faults.servers import Servers
from tests.faults.source import Malformed, Source, controls_of, partly_without_ids, worlds
from tests.support.kafka import Cluster
from tests.support.processes import case_of
from use_cases.first_day_churn import USE_CASE

REPOSITORY = Path(__file__).parents[2]
PARTITIONS = 4
EVENTS_EACH = 49  # and a registration
SEED = 7
_LOOK_SECONDS = 0.02
_LAG_SECONDS = 0.2
_READY_SECONDS = 60.0


class NotInTimeError(AssertionError):
    """What had to happen did not."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    output: str


@dataclass
class Arena:
    """What a row gets. `name` is that of its use case, `build` holds the workers' packages."""

    name: str
    servers: Servers
    directory: Path
    scale: Scale
    build: Path = REPOSITORY
    malformed: Malformed = field(default_factory=Malformed)
    settings_of_row: dict[str, str] = field(default_factory=dict)
    waits: list[tuple[str, float]] = field(default_factory=list)
    crew: Crew = field(init=False)
    source: Source = field(init=False)

    @cached_property
    def case(self) -> UseCase:
        """The default case under the row's name."""
        return case_of(self.name)

    @cached_property
    def topics(self) -> Topics:
        """Its topics."""
        return Topics.of(self.case)

    @property
    def environ(self) -> dict[str, str]:
        """What the workers and our own settings have in common."""
        mine = {
            "KAFKA": self.servers.kafka.address,
            "REDIS": self.servers.redis.url,
            "USE_CASE": self.name,
            "PARTITIONS": str(PARTITIONS),
            "LOOKUPS": str(self.directory / "lookups"),
            "MODELS": str(self.directory / "models"),
            "DATA": str(self.directory / "data"),
            "BATCH_RECORDS": "500",
            "CACHED_ENTITIES": "40",
            "LOGGER_SECONDS": "1",
            **self.settings_of_row,
        }
        ours = {f"PIPELINE_{name}": value for name, value in mine.items()}
        return {**os.environ, "PYTHONPATH": str(self.build), **ours}

    @property
    def settings(self) -> Settings:
        """As the workers have them."""
        return read_settings(self.environ)

    def prepare(self) -> None:
        """Make the topics, and the model under the row's name."""
        install_model(REPOSITORY / "models", self.settings, self.name)
        with Admin.connect(self.settings.kafka) as admin:
            admin.create(self.topics, PARTITIONS)

    @contextmanager
    def running(
        self,
        counts: Mapping[str, int] = {},
        *,
        faults: Mapping[str, str] = {},
        **settings: str,
    ) -> Iterator[Crew]:
        """The workers, one of each stage unless `counts` says otherwise, ready and looked after.

        `faults` are those of PIPELINE_FAULTS, by instance; `settings` hold for all of them.
        """
        self.settings_of_row |= settings
        many = {stage: counts.get(stage, 1) for stage in STAGES}
        logs = self.directory / "logs"
        note = partial(note_workers, self.directory / ROOT / OUTSIDE, self.settings)
        self.crew = Crew(self.name, many, self.environ, logs, self.build, note)
        for instance, points in faults.items():
            self.crew.set(instance, FAULTS=points)
        try:
            self.crew.tick()
            self.wait_until_ready()
            yield self.crew
        finally:
            self.crew.stop()

    def wait_until_ready(self) -> None:
        """Return once every worker is ready."""
        for instance in self.crew.workers:
            ready = partial(self.crew.is_ready, instance)
            self.until(ready, _READY_SECONDS, f"{instance} ready")

    @contextmanager
    def load(
        self,
        *,
        malformed: float = 0.0,
        rate: float = 0.0,
        changed: Callable[[Iterator[SourceRecord]], Iterator[SourceRecord]] = partly_without_ids,
    ) -> Iterator[Source]:
        """A source that sends until `finish`: the scale's events at the least.

        `changed` changes what it sends.
        """
        least, build = self.scale.events, world_of(USE_CASE.name)
        size = WorldSize(-(-least // (EVENTS_EACH + 1)), EVENTS_EACH, SEED)
        first = build(size)
        records = changed(worlds(build, size))
        if malformed:
            records = self.malformed.mixed(records, self.case, malformed, SEED)
        erased = sorted({(one.key or b"").decode() for one in first.events()})[:3]
        versions = install_tables(first, self.case, self.settings, self.directory)
        number = self.settings.partitions
        controls = controls_of(self.case, number, least, versions, erased)
        pace = AtRate(rate or self.scale.rate, SystemClock())
        self.source = Source(
            self.settings.kafka, self.case, PARTITIONS, records, least, pace, controls
        )
        with self.source:
            yield self.source

    def until(self, fact: Callable[[], object], seconds: float, what: str) -> float:
        """Wait for a fact; returns the seconds it took. Raises NotInTimeError after the limit.

        The workers are looked after meanwhile, as in every wait of the arena.
        """
        began = time.monotonic()
        limit = seconds * self.scale.patience
        while not fact():
            if time.monotonic() - began > limit:
                raise NotInTimeError(f"{what}: not within {limit:.0f} s. {self.crew.said()}")
            self.crew.tick()
            time.sleep(_LOOK_SECONDS)
        took = time.monotonic() - began
        self.waits.append((what, round(took, 2)))
        return took

    def seconds_until(self, fact: Callable[[], object], seconds: float, what: str) -> list[float]:
        """As `until`, for a fact that a verdict is about: nothing where it took longer."""
        try:
            return [self.until(fact, seconds, what)]
        except NotInTimeError:
            return []

    def pass_time(self, seconds: float) -> None:
        """Let the workers work."""
        until = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= until, 2 * seconds + 1, "time")

    def finish(self, seconds: float = 60.0) -> Verdict:
        """Wait for the end of the source, then for all its effects: the invariant I7."""
        left = self.scale.events / self.scale.rate
        self.source.end()
        self.until(self.source.is_done, 2 * left + seconds, "the source's end")
        return self.settle(seconds)

    def settle(self, seconds: float = 60.0) -> Verdict:
        """Wait for every lag to be zero while nobody sends: the invariant I7."""
        looked_at = 0.0

        def is_settled() -> bool:
            nonlocal looked_at
            if time.monotonic() - looked_at < _LAG_SECONDS:
                return False
            looked_at = time.monotonic()
            return self.lag() == 0

        took = self.until(is_settled, seconds, "all lags zero")
        return replace(within("", [took], seconds * self.scale.patience), name="I7")

    def lag(self) -> int | None:
        """How many records all stages have to go; None where that cannot be known now."""
        try:
            with Admin.connect(self.settings.kafka) as admin:
                return sum(one.records for one in LagReader(admin, self.case, self.settings).read())
        except InfrastructureError:
            return None

    def applied(self, kind: str) -> int:
        """How many records the markers of a kind (as `features`) say are applied."""
        markers = read_held(self.settings, kind).markers
        return sum(marker.offset + 1 for marker in markers.values())

    def evidence(self, earlier: Logs = NO_LOGS) -> Evidence:
        """What there is now; `earlier` holds what Kafka has deleted since."""
        return Evidence(
            self.case,
            self.settings,
            self.malformed.holds,
            self.source.acknowledged,
            earlier,
        )

    def check(self, *invariants: Invariant, earlier: Logs = NO_LOGS) -> tuple[Verdict, ...]:
        """Each of these invariants, held against what there is now."""
        evidence = self.evidence(earlier)
        return tuple(invariant(evidence) for invariant in invariants)

    def within(self, name: str, seconds: Sequence[float], limit: float) -> Verdict:
        """A target of the row, with the run's patience."""
        return within(name, seconds, limit * self.scale.patience)

    def pipeline(self, *arguments: str, seconds: float = 60.0) -> Ended:
        """Run the command line on this use case."""
        command = [sys.executable, "-m", "tests.support.command_main", self.name, *arguments]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={**self.environ, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds * self.scale.patience,
            check=False,
        )
        return Ended(done.returncode, done.stdout)

    def clear(self) -> None:
        """Remove what the row has left on the broker and on the disk."""
        cluster = Cluster(self.servers.kafka.address)
        registry = incarnations_of(self.case)
        for name in (self.topics.generated, *self.topics.ours, registry):
            cluster.delete(name)
        shutil.rmtree(self.directory)
