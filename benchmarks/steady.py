"""All workers at once, fed at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from benchmarks.contender import Failed
from benchmarks.lab import Lab, wait
from benchmarks.size import EVENTS_EACH
from cli.demo.progress import give_up_on_the_dying
from cli.demo.sending import Sending
from cli.lookup_loading import load_lookup
from cli.stack.running import Base, workers
from cli.stack.servers import Servers
from cli.stack.supervisor import Supervisor
from cli.stack.workers import API, counts_of
from cli.state.lags import LagReader
from cli.state.scrape import fetch
from generator.lookup_file import write_lookup
from generator.pace import AtRate
from generator.stream import live, world_of
from pipeline.clock import SystemClock
from pipeline.kafka.admin import Admin
from pipeline.world import WorldSize

_LOGGER = "inference_logger"  # its position is that of its closed files, seconds behind by design
_TICK_SECONDS = 0.05
_DRAIN_SECONDS = 120.0


@dataclass(slots=True)
class Works:
    """The running pipeline of a lab; `seed` is that of the world to be sent next."""

    lab: Lab
    supervisor: Supervisor
    lags: LagReader
    seed: int = 1

    def send(self, rate: float, seconds: float) -> bool:
        """Feed it at `rate` for `seconds`, then wait until all of it is scored.

        True when it kept up: the sender did, and less than half a second's worth was under way at
        the end. Blocks; raises Failed.
        """
        began = time.monotonic()
        with self._sending(rate, seconds) as sending:
            while not sending.is_done():
                self._tick()
        took, behind = time.monotonic() - began, self._behind()
        self._drain()
        return took < seconds * 1.05 and behind < rate / 2

    def _sending(self, rate: float, seconds: float) -> Sending:
        count = int(rate * seconds)
        size = WorldSize(count // (EVENTS_EACH + 1) + 1, EVENTS_EACH, self.seed)
        self.seed += 1
        clock, case = SystemClock(), self.lab.case
        records = islice(live(world_of(case.name), size, clock.now), count)
        pace = AtRate(rate, clock)
        return Sending(self.lab.settings.kafka, case, records, pace)

    def _behind(self) -> int:
        return sum(lag.records for lag in self.lags.read() if lag.stage != _LOGGER)

    def _drain(self) -> None:
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self._behind():
            self._tick()
            if time.monotonic() > deadline:
                raise Failed(f"waited {_DRAIN_SECONDS:g} s for all to be scored")

    def _tick(self) -> None:
        """Let time pass while the workers are looked after."""
        time.sleep(_TICK_SECONDS)
        self.supervisor.tick(time.monotonic())
        give_up_on_the_dying(self.supervisor.workers)
        if any(worker.history.deaths for worker in self.supervisor.workers):
            raise Failed("a worker has died: what is measured is another thing")


@contextmanager
def works(lab: Lab, say: Callable[[str], None]) -> Iterator[Works]:
    """One worker of each stage and no API, ready for the first event. Main thread only."""
    load_world_lookups(lab)
    base = Base(
        lab.directory, Servers(lab.endpoints, lambda: None), lab.environ, lab.settings, lab.case
    )
    with (
        workers(base, counts_of([f"{API}=0"]), say) as supervisor,
        Admin.connect(lab.settings.kafka) as admin,
    ):
        ports = [worker.spec.port for worker in supervisor.workers]
        wait(lambda: all(fetch(port, "/ready") is not None for port in ports), "ready workers")
        yield Works(lab, supervisor, LagReader(admin, lab.case, lab.settings))


def load_world_lookups(lab: Lab) -> None:
    """Put the lookup tables of the lab's world in force."""
    tables = world_of(lab.case.name)(WorldSize(1, 0, 1)).lookups()
    for lookup in lab.case.lookups:
        path = lab.directory / "tables" / f"{lookup.name}.csv"
        write_lookup(path, lookup, tables[lookup.name])
        load_lookup(lab.settings, lab.case, path, lookup.name)
