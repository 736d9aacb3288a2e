"""Wires a backfill to Kafka, Redis and Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cli.rebuilding import Rebuilding
from pipeline.clock import SystemClock
from pipeline.faults import FaultPoints
from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.latest_score import SCORE_FIELDS
from pipeline.store.building import Building
from pipeline.store.client import Client, connect
from pipeline.store.store import Store
from rebuild.added import Added
from rebuild.backfill import Backfill
from rebuild.estimate import estimate
from rebuild.heir import Nursery


@dataclass(frozen=True, slots=True)
class Backfilling:
    """A use case whose declaration has gained aggregations."""

    rebuilding: Rebuilding
    added: Added

    async def run(self) -> None:
        """Bring all partitions to the new declaration. Raises Refusal."""
        client = connect(self.rebuilding.settings.redis)
        try:
            nursery = self._nursery(client)
            scores = Store(client, self._keys(SCORES), SCORE_FIELDS)
            say, clock = self.rebuilding.say, SystemClock()
            await Backfill(nursery, scores, self._partitions, clock, say).run()
            await nursery.building.sweep(self._partitions)
        finally:
            await client.aclose()
        say("done: start the workers with the new declaration")

    async def rehearse(self) -> None:
        """Say what it would do, and how long that would take."""
        client = connect(self.rebuilding.settings.redis)
        try:
            nursery = self._nursery(client)
            found = {one: await nursery.building.live.marker(one) for one in self._partitions}
        finally:
            await client.aclose()
        case, say = self.rebuilding.case, self.rebuilding.say
        live = {n: one for n, one in found.items() if one and one.fingerprint != case.fingerprint}
        about = estimate(nursery.builder, live, SystemClock().monotonic)
        say(f"would compute {', '.join(sorted(self.added.names))} for everyone in {case.name}:")
        say(f"{about.partitions} of {len(found)} partitions, {about.records:,} records")
        if about.rate:
            say(f"about {about.seconds:,.0f} s at {about.rate:,.0f} records/s, and writing")

    def _nursery(self, client: Client) -> Nursery:
        builder = self.rebuilding.feature_builder
        keys = self._keys(FEATURES)
        return Nursery(
            builder,
            Building(client, keys, builder.fields),
            Store(client, keys, self.added.carried),
            self.added,
            FaultPoints.parse(self.rebuilding.settings.faults),
        )

    def _keys(self, kind: str) -> Keys:
        return Keys(self.rebuilding.case.name, kind)

    @property
    def _partitions(self) -> Sequence[int]:
        return range(self.rebuilding.settings.partitions)
