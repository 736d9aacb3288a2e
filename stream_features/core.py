"""What records of `incoming-events` change: states, and what is to be scored. Knows no client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from pipeline import metrics
from pipeline.control import (
    Control,
    Erase,
    LookupLoaded,
    decode_control,
    is_control,
    passed_on_erasure,
)
from pipeline.declaration import UseCase
from pipeline.errors import DataError, Fatal, Waiting
from pipeline.events import Event, EventDecoder
from pipeline.fold import COUNTED, Fold, LookupKey, Tables
from pipeline.kafka.feed import Batch
from pipeline.origin import Origin, origin_of, passed_on
from pipeline.ports import Applied
from pipeline.records import InRecord, OutRecord, Target
from pipeline.rejection import count_rejected, refuse_cut, rejection
from pipeline.state import EntityState, Raw, StateCodec
from pipeline.topics import Topics
from stream_features.cache import StateCache
from stream_features.requests import RequestEncoder

STAGE = "stream_features"

TableOf = Callable[[str, str], Mapping[LookupKey, float]]
"""The table of a lookup's version; raises Waiting while it cannot be read."""

CanCome = Callable[[str, str, int], bool]
"""Whether such a table may be there later: lookup, version, and when it was said (ms)."""

_UNKNOWN_TABLE = DataError("unknown_table", "no table of this version was ever loaded")


class FeatureItem(msgspec.Struct, frozen=True, gc=False):
    """One decoded record of `incoming-events`."""

    offset: int
    origin: Origin
    entity: str | None
    content: Event | Control | DataError
    record: InRecord


@dataclass(slots=True)
class _Trial:
    """A part being applied: copies of states, and what came of them so far."""

    known: dict[str, EntityState]
    lookups: dict[str, str]
    states: dict[str, EntityState | None] = field(default_factory=dict)
    scores: list[OutRecord] = field(default_factory=list)
    rejected: list[OutRecord] = field(default_factory=list)
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)


class FeatureCore:
    """The `pipeline.stateful.Core` of this stage."""

    def __init__(
        self,
        case: UseCase,
        topics: Topics,
        table_of: TableOf,
        cached_entities: int,
        can_come: CanCome = lambda *_: True,
    ) -> None:
        self._fold = Fold(case)
        self._codec = StateCodec(case)
        self._decoder = EventDecoder(case)
        self._lookups = {lookup.name for lookup in case.lookups}
        self._requests = RequestEncoder(case)
        self._topics = topics
        self._table_of = table_of
        self._can_come = can_come
        self._cache = StateCache(cached_entities)
        self._known: dict[int, dict[str, EntityState]] = {}
        self._tables_used: dict[int, Tables] = {}

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of an entity's hash."""
        return self._codec.fields

    def decode(self, batch: Batch, after: int) -> list[FeatureItem]:
        """The records beyond the offset `after`, data errors included."""
        return [self._decode(batch, record) for record in batch.records if record.offset > after]

    def unknown(self, partition: int, items: Sequence[FeatureItem]) -> list[str]:
        """The entities of events whose state is not in memory."""
        wanted = {item.entity: None for item in items if item.entity is not None}
        self._known[partition] = known = self._cache.get(partition, wanted)
        return [entity for entity in wanted if entity not in known]

    def learn(
        self, partition: int, entities: Sequence[str], values: Sequence[Sequence[Raw]]
    ) -> None:
        """Take in stored states. Raises Fatal for values that the codec did not write."""
        try:
            states = [self._codec.decode(one) or self._fold.empty() for one in values]
        except (ValueError, IndexError) as error:
            raise Fatal(f"partition {partition} is suspect: a state cannot be read") from error
        self._known[partition].update(zip(entities, states, strict=True))

    def apply(
        self, partition: int, lookups: Mapping[str, str], items: Sequence[FeatureItem]
    ) -> Applied:
        """Fold the items over copies of the states, which `settled` puts in the cache."""
        trial = _Trial(self._known.pop(partition), dict(lookups))
        tables = self._tables(trial)
        for item in items:
            content = item.content
            if isinstance(content, Event):
                self._fold_event(trial, item, content, tables)
            elif isinstance(content, LookupLoaded):
                self._load(trial, item, content)
                tables = self._tables(trial)
            elif isinstance(content, Erase):
                trial.states[content.entity] = None
                trial.scores.append(passed_on_erasure(item.origin, content))
            else:
                trial.rejected.append(rejection(item.record, STAGE, item.origin, content))
        self._tables_used[partition] = tables
        return self._applied(partition, trial)

    def forget(self, partition: int) -> None:
        """Drop the states of a partition, and the tables that only it uses."""
        self._cache.forget(partition)
        self._known.pop(partition, None)
        self._tables_used.pop(partition, None)

    def _decode(self, batch: Batch, record: InRecord) -> FeatureItem:
        origin = origin_of(batch.topic_id, record)
        try:
            content = self._content(record)
        except DataError as error:
            return FeatureItem(record.offset, origin, None, error, record)
        entity = None if isinstance(content, LookupLoaded) else content.entity
        return FeatureItem(record.offset, origin, entity, content, record)

    def _content(self, record: InRecord) -> Event | Control:
        refuse_cut(record)
        if not is_control(record.headers):
            return self._decoder.decode(record.value)
        control = decode_control(record.value)
        if isinstance(control, LookupLoaded) and control.lookup not in self._lookups:
            raise DataError("unknown_lookup")
        return control

    def _tables(self, trial: _Trial) -> Tables:
        return {name: self._table_of(name, version) for name, version in trial.lookups.items()}

    def _load(self, trial: _Trial, item: FeatureItem, loaded: LookupLoaded) -> None:
        """Put a table in force; one that is nowhere was never loaded, whoever says so."""
        try:
            self._table_of(loaded.lookup, loaded.version)
        except Waiting:
            said_at = item.record.timestamp
            if self._can_come(loaded.lookup, loaded.version, said_at):
                raise
            trial.rejected.append(rejection(item.record, STAGE, item.origin, _UNKNOWN_TABLE))
        else:
            trial.lookups[loaded.lookup] = loaded.version

    def _fold_event(self, trial: _Trial, item: FeatureItem, event: Event, tables: Tables) -> None:
        state = trial.states.get(event.entity)
        if state is None:
            erased_before = event.entity in trial.states
            known = None if erased_before else trial.known.get(event.entity)
            state = known.copy() if known else self._fold.empty()
            trial.states[event.entity] = state
        outcome = self._fold.apply(state, event, tables)
        trial.outcomes.append((event.event_type, outcome.reason))
        for lookup in outcome.missed:
            trial.missed[lookup] += 1
        if outcome.causes_score:
            trial.scores.append(self._score_request(trial, item, event, state))

    def _score_request(
        self, trial: _Trial, item: FeatureItem, event: Event, state: EntityState
    ) -> OutRecord:
        as_of = event.at if state.newest is None else state.newest
        values = self._fold.values(state, as_of)
        value = self._requests.encode(event, as_of, trial.lookups, values)
        return OutRecord(event.entity.encode(), value, passed_on(item))

    def _applied(self, partition: int, trial: _Trial) -> Applied:
        outputs = {
            Target(self._topics.features, partition): trial.scores,
            Target(self._topics.rejected, partition): trial.rejected,
        }
        encode = self._codec.encode
        return Applied(
            outputs={target: records for target, records in outputs.items() if records},
            entities={
                entity: None if state is None else encode(state)
                for entity, state in trial.states.items()
            },
            lookups=trial.lookups,
            settled=lambda: self._settle(partition, trial),
        )

    def _settle(self, partition: int, trial: _Trial) -> None:
        self._cache.put(partition, trial.states)
        for (event_type, reason), count in Counter(trial.outcomes).items():
            metrics.RECORDS.labels(STAGE, event_type, reason).inc(count)
            if reason != COUNTED:
                metrics.NOT_COUNTED.labels(reason).inc(count)
        for lookup, count in trial.missed.items():
            metrics.LOOKUPS_MISSED.labels(lookup).inc(count)
        count_rejected(STAGE, trial.rejected)
