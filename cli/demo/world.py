"""What the demo sends: a whole world as fast as it goes, then another one at a steady rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cli.demo.phase import Load
from cli.lookup_loading import load_lookup
from cli.stack.running import Base
from generator.lookup_file import write_lookup
from generator.malformed import mixed
from generator.pace import AtRate, FullSpeed
from generator.stream import Build, live, world_of
from pipeline.clock import Clock
from pipeline.declaration import UseCase
from pipeline.world import World, WorldSize

MALFORMED = 0.005
LATENCY_RATE = 500.0
LATENCY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """A world that is built, and what builds others like it."""

    case: UseCase
    size: WorldSize
    world: World
    build: Build

    @classmethod
    def of(cls, case: UseCase, size: WorldSize) -> DemoWorld:
        """Build the world of this size; takes a second for a million events."""
        build = world_of(case.name)
        return cls(case, size, build(size), build)

    def first_entities(self, count: int) -> list[str]:
        """The entities of the first events, each once; fewer where there are fewer."""
        names = ((event.key or b"").decode() for event in self.world.events())
        found: dict[str, None] = {}
        for name in names:
            found[name] = None
            if len(found) == count:
                break
        return [*found]

    def load(self, clock: Clock, rate: float | None) -> Load:
        """All of it, malformed records among it; as fast as it goes unless a rate is asked for."""
        return Load(
            name="load",
            records=mixed(self.world.events(), self.case, MALFORMED, self.size.seed),
            pace=FullSpeed() if rate is None else AtRate(rate, clock),
            expected=round(self.world.total / (1 - MALFORMED)),
            good=self.world.total,
        )

    def latency(self, clock: Clock) -> Load:
        """The events of other users, stamped as they are sent."""
        count = int(LATENCY_RATE * LATENCY_SECONDS)
        other = WorldSize(count // (self.size.events + 1) + 1, self.size.events, self.size.seed + 1)
        return Load(
            name="latency",
            records=islice(live(self.build, other, clock.now), count),
            pace=AtRate(LATENCY_RATE, clock),
            expected=count,
            good=count,
        )

    def load_lookups(self, base: Base, say: Callable[[str], None]) -> None:
        """Write the world's lookup tables, and put them in force before its first event."""
        tables = self.world.lookups()
        for lookup in base.case.lookups:
            path: Path = base.directory / "tables" / f"{lookup.name}.csv"
            write_lookup(path, lookup, tables[lookup.name])
            version = load_lookup(base.settings, base.case, path, lookup.name)
            say(f"Lookup table {lookup.name} {version} is in force")
