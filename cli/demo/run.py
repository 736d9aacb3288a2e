"""The demo from beginning to end."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

import use_cases
from cli.console import say
from cli.demo.display import displayed
from cli.demo.phase import Driver
from cli.demo.world import LATENCY_RATE, LATENCY_SECONDS, DemoWorld
from cli.facts import RunFacts
from cli.lags import LagReader
from cli.report import render
from cli.running import Base, base, workers
from cli.selfcheck import check
from cli.supervisor import Supervisor
from cli.workers import counts_of
from pipeline.clock import SystemClock
from pipeline.errors import Refusal
from pipeline.kafka.admin import Admin
from pipeline.settings import read_settings
from pipeline.world import WorldSize

_QUICK = {"PIPELINE_LOGGER_SECONDS": "1"}  # the demo waits for the last file of each phase


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo of one world, fed at `rate` records a second, or as fast as it goes."""

    environ: Mapping[str, str]
    directory: Path
    size: WorldSize
    rate: float | None
    console: Console

    def run(self) -> bool:
        """Run all of it; True when every check holds. Blocks; raises PipelineError."""
        tell = partial(say, self.console)
        case = use_cases.load(read_settings(self.environ).use_case)
        with ThreadPoolExecutor(1) as aside:  # the world is built while Kafka starts
            building = aside.submit(DemoWorld.of, case, self.size)
            with base({**_QUICK, **self.environ}, self.directory, tell) as ready:
                _refuse_used_topics(ready)
                world = building.result()
                world.load_lookups(ready, tell)
                with workers(ready, counts_of([]), tell) as supervisor:
                    facts = self._phases(ready, supervisor, world)
                return self._report(ready, facts)

    def _phases(self, ready: Base, supervisor: Supervisor, world: DemoWorld) -> RunFacts:
        tell, clock = partial(say, self.console), SystemClock()
        with Admin.connect(ready.settings.kafka) as admin:
            lags = LagReader(admin, ready.case, ready.settings)
            driver = Driver(ready, supervisor, lags, clock)
            load = world.load(clock, self.rate)
            tell(f"Generating {world.world.total} events of {self.size.users} users ...")
            with displayed(self.console) as show:
                first = driver.run(load, show)
            tell(f"Measuring latency: {LATENCY_RATE:g} events a second, {LATENCY_SECONDS} s ...")
            with displayed(self.console) as show:
                second = driver.run(world.latency(clock), show)
        return RunFacts(self.directory, self.size, first, second, world.first_entity)

    def _report(self, ready: Base, facts: RunFacts) -> bool:
        say(self.console, "Checking every number against the log ...")
        result = check(ready.case, ready.settings, facts)
        self.console.print(render(result, facts))
        return result.ok


def _refuse_used_topics(ready: Base) -> None:
    names = (ready.topics.generated, *ready.topics.ours)
    with Admin.connect(ready.settings.kafka) as admin:
        counts = admin.partitions(names)
        places = [(name, number) for name, count in counts.items() for number in range(count)]
        written = sum(admin.ends(places).values())
    if written:
        raise Refusal(
            f"the topics at {ready.settings.kafka.bootstrap} hold {written} records, and the demo "
            "counts every one",
            "Name an empty Kafka in PIPELINE_KAFKA, or unset it for an embedded one",
        )
