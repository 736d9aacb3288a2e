"""The feature stage on fakes, and the straight fold that it has to equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle, repeat

from pipeline.clock import Clock, FixedClock
from pipeline.control import Erase, LookupLoaded, decode_control, is_control
from pipeline.declaration import UseCase
from pipeline.errors import (
    DataError,
    Waiting,
)
from pipeline.events import EventDecoder
from pipeline.faults import FaultPoints
from pipeline.fold import Fold, LookupKey
from pipeline.origin import Highest, Origin, origin_of
from pipeline.ports import EntityStore, Writer
from pipeline.records import InRecord
from pipeline.state import EntityState, StateCodec
from pipeline.stateful import Stateful
from pipeline.topics import Topics
from stream_features.core import STAGE, CanCome, FeatureCore, FeatureItem, TableOf
from tests.support.events import (
    INCOMING_ID,
    NOON,
    V1,
    V2,
)
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records
from use_cases.first_day_churn import USE_CASE

INDEX = "socioeconomic_idx"
TOPICS = Topics.of(USE_CASE)
VERSIONS: Mapping[str, Mapping[LookupKey, float]] = {
    V1: {10000: 3.5, 10001: 1.25},
    V2: {10000: 6.5, 10002: 0.1},
}


def table_of(lookup: str, version: str) -> Mapping[LookupKey, float]:
    if lookup != INDEX or version not in VERSIONS:
        raise Waiting(f"waiting for version {version} of the lookup {lookup}")
    return VERSIONS[version]


def feature_stage(
    store: EntityStore,
    writer: Writer,
    *,
    case: UseCase = USE_CASE,
    cached: int = 10,
    clock: Clock | None = None,
    faults: FaultPoints | None = None,
    can_come: CanCome = lambda *_: True,
) -> Stateful[FeatureItem]:
    return Stateful(
        name=STAGE,
        core=FeatureCore(case, Topics.of(case), table_of, cached, can_come),
        store=store,
        outputs=writer,
        fingerprint=case.fingerprint,
        effect="feature",
        clock=clock or FixedClock(NOON),
        faults=faults or FaultPoints(),
    )


@dataclass
class Rig:
    """One process of the feature stage on a fake feed; `logs` may grow while it runs."""

    logs: Mapping[int, Records]
    store: EntityStore = field(default_factory=FakeStore)
    writer: FakeWriter = field(default_factory=FakeWriter)
    size: int = 3
    cached: int = 10
    faults: FaultPoints | None = None
    case: UseCase = USE_CASE
    can_come: CanCome = lambda *_: True

    def __post_init__(self) -> None:
        self.feed = FakeFeed(self.logs, repeat(self.size))
        self.clock = FixedClock(NOON)
        self.stage = feature_stage(
            self.store,
            self.writer,
            case=self.case,
            cached=self.cached,
            clock=self.clock,
            faults=self.faults,
            can_come=self.can_come,
        )
        self.stage.reader = self.feed

    async def run(self) -> None:
        await self.feed.run(self.stage)

    def restarted(self) -> Rig:
        """A new process on what the old one left: memory is gone, the edges are not."""
        return Rig(self.logs, self.store, self.writer, self.size, self.cached, case=self.case)

    def sizes(self, *sizes: int) -> None:
        """How many records the coming batches have, in turns."""
        self.feed.sizes = cycle(sizes)


@dataclass
class Folded:
    """What a log comes to: the stored values by entity, and the scores it asks for, in order."""

    entities: dict[str, list[bytes]]
    scored: list[tuple[Origin, str]]
    lookups: dict[str, str]


def straight_fold(
    records: list[InRecord],
    case: UseCase = USE_CASE,
    topic_id: str = INCOMING_ID,
    tables: TableOf = table_of,
) -> Folded:
    """The contract without batches, cache or store: one record after the other."""
    fold, codec, decoder = Fold(case), StateCodec(case), EventDecoder(case)
    states: dict[str, EntityState] = {}
    folded, highest = Folded({}, [], {}), Highest()
    for record in records:
        origin = origin_of(topic_id, record)
        if not highest.admit(origin):
            continue
        try:
            if is_control(record.headers):
                _control(record, states, folded)
                continue
            event = decoder.decode(record.value)
        except DataError:
            continue
        state = states.setdefault(event.entity, fold.empty())
        in_force = {name: tables(name, version) for name, version in folded.lookups.items()}
        if fold.apply(state, event, in_force).causes_score:
            folded.scored.append((origin, event.entity))
    folded.entities = {
        entity: [value.encode() if isinstance(value, str) else value for value in values]
        for entity, values in ((entity, codec.encode(state)) for entity, state in states.items())
    }
    return folded


def _control(record: InRecord, states: dict[str, EntityState], folded: Folded) -> None:
    match decode_control(record.value):
        case LookupLoaded(lookup, version) if lookup == INDEX:
            folded.lookups[lookup] = version
        case Erase(entity):
            states.pop(entity, None)
