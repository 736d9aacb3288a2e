"""One partition's state under a new declaration, which follows the live one until it takes over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pipeline.errors import Refusal
from pipeline.faults import FaultPoints
from pipeline.marker import Marker
from pipeline.parquet.refold import Refold
from pipeline.state import StateCodec
from pipeline.store.building import Building
from pipeline.store.store import MOST_ENTITIES, Store, Values
from rebuild.added import Added, refuse_mismatch
from rebuild.builders import FeatureBuilder
from rebuild.folding import Logged, apply, logged


@dataclass(frozen=True, slots=True)
class Nursery:
    """What heirs grow up with; `compared` reads the fields that a live entity has as well."""

    builder: FeatureBuilder
    building: Building
    compared: Store
    added: Added
    faults: FaultPoints


@dataclass(slots=True)
class Heir:
    """A generation that is the fold up to `built`; `unsure` were not yet seen to equal the live."""

    nursery: Nursery
    partition: int
    live: Marker
    built: Marker
    unsure: set[str] = field(default_factory=set)

    @classmethod
    async def born(cls, nursery: Nursery, partition: int, live: Marker, generation: str) -> Heir:
        """Build it from Parquet, beside the live state. Raises Refusal."""
        built = nursery.builder.build(partition, live, generation)
        if built.marker.offset > live.offset:
            raise Refusal(
                f"Kafka has deleted records of partition {partition} that no worker had read",
                "Run `pipeline rebuild features`",
            )
        heir, names = cls(nursery, partition, live, built.marker), list[str]()
        entities = _noted(built.entities, names, nursery.faults)
        await nursery.building.write(partition, built.marker, entities)
        heir.unsure = await heir._differing(names)
        return heir

    async def follow(self, live: Marker) -> int:
        """Fold what Parquet has up to the live marker; returns how many records that were.

        Raises Refusal where the live state is another one, or not what its log comes to.
        """
        self._refuse_another(live)
        records = self._records(live.offset)
        for start in range(0, len(records), MOST_ENTITIES):
            await self._fold(records[start : start + MOST_ENTITIES])
        await self._add(replace(self.built, offset=live.offset), {})
        touched = {one.entity for one in records if one.entity is not None}
        refuse_mismatch(self.partition, self.unsure - touched)
        self.live, self.unsure = live, await self._differing(touched)
        return len(records)

    async def take_over(self) -> None:
        """Become the live state, which stands still where this one is. Raises Refusal."""
        switched = await self.nursery.building.switch(self.partition, self.live, self.built)
        if switched is not None:
            raise _changed(self.partition)

    def _refuse_another(self, live: Marker) -> None:
        same = (live.generation, live.topic_id) == (self.live.generation, self.live.topic_id)
        if not same or live.offset < self.built.offset:
            raise _changed(self.partition)

    def _records(self, up_to: int) -> list[Logged]:
        """What was logged behind `built`, up to and with an offset."""
        ground = self.nursery.builder.ground
        stream = ground.history(ground.topics.incoming).current.stream(self.partition)
        new = [one for one in stream.files if one.last > self.built.offset]
        records = logged(ground.case, replace(stream, files=new), up_to)
        return [one for one in records if one.offset > self.built.offset]

    async def _fold(self, records: list[Logged]) -> None:
        """Fold at most as many records as there may be entities in one write."""
        case = self.nursery.builder.ground.case
        codec, built = StateCodec(case), self.built
        names = [*dict.fromkeys(one.entity for one in records if one.entity is not None)]
        store = self.nursery.building.aside
        found = (await store.read(self.partition, built.generation, names)).values
        decoded = zip(names, map(codec.decode, found), strict=True)
        states = {name: state for name, state in decoded if state is not None}
        highest = built.highest.copy()
        refold = Refold(case, self.nursery.builder.table_of, dict(built.lookups), states)
        for one in records:
            apply(one, refold, highest)
        entities = {name: codec.encode(states[name]) if name in states else None for name in names}
        await self._add(built.at(records[-1].offset, highest, refold.lookups), entities)

    async def _add(self, new: Marker, entities: Mapping[str, Values]) -> None:
        self.built = await self.nursery.building.add(self.partition, self.built, new, entities)

    async def _differing(self, names: Collection[str]) -> set[str]:
        """Those of whom the live state has other values in the fields that both have."""
        found, everyone, compared = set[str](), [*names], self.nursery.compared
        for start in range(0, len(everyone), MOST_ENTITIES):
            some = everyone[start : start + MOST_ENTITIES]
            was = await compared.read(self.partition, self.live.generation, some)
            now = await compared.read(self.partition, self.built.generation, some)
            for name, one, other in zip(some, was.values, now.values, strict=True):
                if one != other:
                    self.nursery.added.refuse_unless_all(one)
                    found.add(name)
        return found


def _noted(
    entities: Iterable[tuple[str, Values]], names: list[str], faults: FaultPoints
) -> Iterator[tuple[str, Values]]:
    for name, values in entities:
        faults.hit("in-build")
        names.append(name)
        yield name, values


def _changed(partition: int) -> Refusal:
    return Refusal(
        f"the live state of partition {partition} was replaced, or went back, meanwhile",
        "Run `pipeline backfill` again",
    )
