"""A declaration that has gained an aggregation, and a pipeline that lives meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.clock import FixedClock
from pipeline.declaration import Aggregation, UseCase
from pipeline.errors import Refusal
from pipeline.faults import FaultPoints
from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.latest_score import SCORE_FIELDS
from pipeline.marker import Marker
from pipeline.origin import KIND_HEADER
from pipeline.records import OutRecord
from pipeline.state import StateCodec
from pipeline.store.building import Building
from pipeline.store.client import Client
from pipeline.store.store import Conflict, Store, Values
from pipeline.windows import Lifetime, Rolling
from rebuild.added import Added
from rebuild.backfill import Backfill
from rebuild.builders import FeatureBuilder, Ground
from rebuild.heir import Nursery
from tests.rebuild.rig import Ledger
from tests.support.fakes import FakeFeed, FakeWriter, Records
from tests.support.stages import TOPICS, feature_stage, table_of
from tests.support.stores import KEYS
from use_cases.first_day_churn import USE_CASE

SPENT = Aggregation("spent", event="bet", of="bet_amount", window=Lifetime())
PAID = Aggregation("paid", event="purchase", of="amount", window=Rolling((1, 24)))


def with_more(*more: Aggregation, case: UseCase = USE_CASE) -> UseCase:
    """The case with aggregations behind its own."""
    return replace(case, aggregations=(*case.aggregations, *more))


NEWER = with_more(SPENT)


class Noting(Store):
    """Notes the offset that was written last."""

    last = -1

    async def write(
        self, partition: int, believed: Marker | None, new: Marker, entities: Mapping[str, Values]
    ) -> Conflict | None:
        answer = await super().write(partition, believed, new, entities)
        self.last = self.last if answer else new.offset
        return answer


@dataclass
class Worker:
    """The feature stage of one declaration on a log that grows; `refused` is how it ended."""

    case: UseCase
    client: Client
    log: Records
    at_once: int = 3
    writer: FakeWriter = field(default_factory=FakeWriter)
    refused: str = ""

    def __post_init__(self) -> None:
        self.store = Noting(self.client, KEYS, StateCodec(self.case).fields)
        clock = self.clock = FixedClock()
        self.stage = feature_stage(self.store, self.writer, case=self.case, clock=clock)
        self.stage.partitions = 1
        self.feed = FakeFeed({0: self.log}, iter(lambda: self.at_once, None))
        self.stage.reader = self.feed

    async def step(self) -> None:
        """One poll, and a look at the marker."""
        self.clock.at += 2_000_000
        try:
            await self.stage.process(await self.feed.poll(self.stage))
        except Refusal as refusal:
            self.refused = str(refusal)

    async def run(self) -> None:
        """All that there is."""
        await self.feed.run(self.stage)

    @property
    def asked(self) -> list[OutRecord]:
        """The requests for scores that it sent and that are no replays."""
        sent = self.writer.effective(TOPICS.features)
        return [one for one in sent if one.headers[0][0] != KIND_HEADER]


@dataclass
class Handover:
    """A worker of the old declaration on the first records of a log, all of which may be logged."""

    ledger: Ledger
    client: Client
    records: Records
    case: UseCase = NEWER
    named: tuple[str, ...] = ("spent",)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = self.records[:12]
        self.worker = Worker(USE_CASE, self.client, self.log)
        self.scores = Store(self.client, Keys(USE_CASE.name, SCORES), SCORE_FIELDS)
        self.live = Store(self.client, Keys(USE_CASE.name, FEATURES), ())

    async def begin(self) -> None:
        """The old worker comes to the end of the records that there are, and all are logged."""
        await self.worker.run()
        await self.ledger.log(TOPICS.incoming, {0: self.log}, rows=5)
        first = Marker.first("featuresfeaturesfeatur", "g1", USE_CASE.fingerprint, 1)
        await self.scores.write(0, None, replace(first, offset=4), {})

    async def live_on(self) -> None:
        """More records come, one after the other, until the old worker has to end."""
        for record in self.records[len(self.log) :]:
            if self.worker.refused:
                return
            self.log.append(record)
            self.ledger.holds(TOPICS.incoming, {0: self.log})
            await self.worker.step()
            await self.ledger.log(TOPICS.incoming, {0: self.log}, rows=2)
            await asyncio.sleep(0.01)  # a stream with pauses, in which others come to work

    async def live_on_a_little(self, count: int) -> None:
        """So many records come, and are applied and logged."""
        self.log += self.records[len(self.log) :][:count]
        await self.worker.run()
        await self.ledger.log(TOPICS.incoming, {0: self.log}, rows=2)

    def backfill(self, faults: str = "", patience: float = 60) -> Backfill:
        """The one that a command would run."""
        client, case = self.client, self.case
        added = Added.of(case, self.named)
        nursery = Nursery(
            FeatureBuilder(Ground(case, 1, self.ledger.root, self.ledger.place), table_of),
            Building(client, KEYS, StateCodec(case).fields),
            Store(client, KEYS, added.carried),
            added,
            FaultPoints.parse(faults),
        )
        return Backfill(nursery, self.scores, [0], Ticking(), self.said.append, patience)

    async def marker(self) -> Marker:
        found = await self.live.marker(0)
        assert found is not None
        return found

    async def states(self) -> dict[str, Any]:
        """The live hashes in the fields of the newer declaration."""
        client, marker = self.client, await self.marker()
        prefix, fields = KEYS.prefix(0, marker.generation), StateCodec(self.case).fields
        return {
            key.decode().removeprefix(prefix): [
                value for value in await client.hmget(key, fields) if value is not None
            ]
            async for key in client.scan_iter(match=f"{prefix.replace('{', '?')}*")
        }


class Ticking(FixedClock):
    """A second goes by at every look."""

    def monotonic(self) -> float:
        self.at += 1_000_000
        return super().monotonic()
