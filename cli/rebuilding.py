"""Wires a rebuild to Kafka, Redis and Parquet, and says what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.declaration import UseCase
from pipeline.faults import FaultPoints
from pipeline.kafka.admin import Admin
from pipeline.kafka.positions import Log
from pipeline.keys import Keys
from pipeline.lookups import LookupTables
from pipeline.marker import Marker
from pipeline.settings import Settings
from pipeline.store.building import Building
from pipeline.store.client import Client, connect
from rebuild.builders import Builder, FeatureBuilder, Ground, LogOf, ScoreBuilder
from rebuild.service import Rebuilt, rebuild

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """A use case whose state is to be rebuilt."""

    settings: Settings
    case: UseCase
    admin: Admin
    say: Say

    @property
    def builders(self) -> tuple[Builder, ...]:
        """Those of all stages with a state, in the order of the pipeline."""
        features = self.feature_builder
        return (features, ScoreBuilder(features.ground)) if self.case.model else (features,)

    @property
    def feature_builder(self) -> FeatureBuilder:
        """That of `stream_features`."""
        settings, case = self.settings, self.case
        ground = Ground(case, settings.partitions, settings.parquet_dir, self._log_of())
        return FeatureBuilder(ground, LookupTables(settings.lookups_dir, case).table)

    async def run(self, kinds: Sequence[str], partitions: Sequence[int]) -> None:
        """Rebuild these partitions of these kinds, one after the other, then sweep."""
        client = connect(self.settings.redis)
        try:
            for builder in self.builders:
                if builder.kind in kinds:
                    await self._run(builder, client, partitions)
        finally:
            await client.aclose()

    async def _run(self, builder: Builder, client: Client, partitions: Sequence[int]) -> None:
        faults = FaultPoints.parse(self.settings.faults)
        building = Building(client, Keys(self.case.name, builder.kind), builder.fields)
        for partition in partitions:
            live = await building.live.marker(partition)
            self.say(f"{builder.kind} {partition}: {_named(live)}; building from Parquet ...")
            self._tell(await rebuild(builder, building, partition, faults))
        faults.hit("before-sweep")
        removed = await building.sweep(partitions)
        if removed:
            self.say(f"{builder.kind}: removed {removed:,} keys of older generations")

    def _tell(self, done: Rebuilt) -> None:
        self.say(
            f"{done.kind} {done.partition}: {done.records:,} records, {done.entities:,} entities; "
            f"now {_named(done.now)}"
        )
        if done.unscored:
            self.say(
                f"{done.kind} {done.partition}: {done.unscored:,} of the records were folded "
                "without asking for scores: Kafka had deleted them before a worker read them"
            )

    def _log_of(self) -> LogOf:
        ids: dict[str, str] = {}

        def log_of(topic: str, partition: int) -> Log:
            if topic not in ids:
                ids.update(self.admin.topic_ids((topic,)))
            place = (topic, partition)
            start, end = self.admin.starts([place])[place], self.admin.ends([place])[place]
            return Log(topic, ids[topic], partition, start, end)

        return log_of


def _named(marker: Marker | None) -> str:
    if marker is None:
        return "no marker"
    return f"marker at {marker.offset:,} (generation {marker.generation})"
