"""What happens between the start of Kafka and the end of the demo.

Imports all that the demo needs, which takes a second: so it is itself imported while Kafka starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from rich.console import Console

from cli.console import say
from cli.demo.asking import ask
from cli.demo.display import displayed
from cli.demo.facts import RunFacts, Told
from cli.demo.phase import Driver
from cli.demo.report import render
from cli.demo.world import LATENCY_RATE, LATENCY_SECONDS, DemoWorld
from cli.models import in_service
from cli.selfcheck import check
from cli.stack.running import Base, workers
from cli.stack.supervisor import Supervisor
from cli.stack.workers import API, COMPACTION, counts_of
from cli.state.lags import LagReader
from pipeline.clock import SystemClock
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.kafka.admin import Admin
from pipeline.world import WorldSize

ASKED_USERS = 3


@dataclass(frozen=True, slots=True)
class Story:
    """A demo of one world, fed at `rate` records a second, or as fast as it goes."""

    world: DemoWorld
    rate: float | None
    console: Console

    @classmethod
    def prepared(
        cls, case: UseCase, size: WorldSize, rate: float | None, console: Console
    ) -> Story:
        """Build the world, which needs no Kafka."""
        return cls(DemoWorld.of(case, size), rate, console)

    def play(self, ready: Base) -> bool:
        """All of it; True when every check holds. Main thread only; raises PipelineError."""
        tell = partial(say, self.console)
        _refuse_used_topics(ready)
        self.world.load_lookups(ready, tell)
        with workers(ready, counts_of([f"{COMPACTION}=0"]), tell) as supervisor:
            facts = self._phases(ready, supervisor)
        tell("Checking every number against the log ...")
        result = check(ready.case, ready.settings, facts)
        if ready.case.model:
            tell(f"Model in service: {in_service(ready.settings.models_dir, ready.case)}")
        self.console.print(render(result, facts))
        return result.ok

    def _phases(self, ready: Base, supervisor: Supervisor) -> RunFacts:
        tell, clock, world = partial(say, self.console), SystemClock(), self.world
        with Admin.connect(ready.settings.kafka) as admin:
            driver = Driver(ready, supervisor, LagReader(admin, ready.case, ready.settings), clock)
            tell(f"Generating {world.world.total} events of {world.size.users} users ...")
            with displayed(self.console) as show:
                load = driver.run(world.load(clock, self.rate), show)
            tell(f"At a steady rate: {LATENCY_RATE:g} events a second, {LATENCY_SECONDS} s ...")
            with displayed(self.console) as show:
                latency = driver.run(world.latency(clock), show)
            told = self._told(driver) if ready.case.model else ()
        users = world.first_entities(1)
        return RunFacts(ready.directory, world.size, load, latency, users[0], told)

    def _told(self, driver: Driver) -> tuple[Told, ...]:
        """What the API says of some users."""
        users = self.world.first_entities(ASKED_USERS)
        say(self.console, f"Asking the API for {len(users)} users ...")
        port = next(one.spec.port for one in driver.supervisor.workers if one.spec.stage == API)
        return tuple(
            driver.wait_for(partial(ask, port, user), f"the API's score of {user}")
            for user in users
        )


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
