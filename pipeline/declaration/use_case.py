"""A business case as one frozen value: entity, events, lookups, aggregations, scores, model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from pipeline.declaration.fields import Field, Integer, Number, Text
from pipeline.windows import Window

STATISTICS = ("sum", "mean", "count", "var")
ENVELOPE = ("event_type", "event_time", "event_id", "schema_version")


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event: its canonical name, the other names it comes under, and its fields."""

    name: str
    fields: tuple[Field, ...] = ()
    aliases: tuple[str, ...] = ()

    def field(self, name: str) -> Field:
        """The field called `name`. Raises KeyError."""
        return {field.name: field for field in self.fields}[name]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A feature read once, when an event of type `event` arrives, from a table by its `key` field.

    Until then, and where the table lacks the key, the feature is `default`.
    """

    name: str
    event: str
    key: str
    default: float


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Rolling sum, mean, count and var of the number `of` in events of type `event`."""

    name: str
    event: str
    of: str
    window: Window

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features, in their order."""
        return tuple(f"{self.name}_{statistic}" for statistic in STATISTICS)


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """The features that the model reads, in the order of its input columns."""

    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UseCase:
    """All that the pipeline has to know of a business case. Raises ValueError if inconsistent."""

    name: str
    entity: str
    events: tuple[EventType, ...]
    lookups: tuple[Lookup, ...]
    aggregations: tuple[Aggregation, ...]
    scored_on: tuple[str, ...]
    model: ModelInputs
    outcome: str
    fold_version: int
    topic_prefix: str = field(default="")

    def __post_init__(self) -> None:
        problems = [*_problems(self)]
        if problems:
            raise ValueError(f"use case {self.name}: " + "; ".join(problems))

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature's name: the lookups, then the aggregations, as declared."""
        folded = [name for aggregation in self.aggregations for name in aggregation.features]
        return (*(lookup.name for lookup in self.lookups), *folded)

    @property
    def anchors(self) -> tuple[str, ...]:
        """The event types whose first record opens a window, each once, as declared."""
        opened = [one.window.anchor for one in self.aggregations if one.window.anchor]
        return tuple(dict.fromkeys(opened))

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change exactly when a declared change alters state or outputs."""
        meaning = {
            "entity": self.entity,
            "lookups": [asdict(lookup) for lookup in self.lookups],
            "aggregations": [_meaning(one) for one in self.aggregations],
            "scored_on": sorted(self.scored_on),
            "fold_version": self.fold_version,
        }
        text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def event(self, name: str) -> EventType:
        """The event type of this canonical name. Raises KeyError."""
        return {event.name: event for event in self.events}[name]


def _meaning(aggregation: Aggregation) -> dict[str, object]:
    return {
        "name": aggregation.name,
        "event": aggregation.event,
        "of": aggregation.of,
        "window": aggregation.window.meaning,
    }


def _problems(case: UseCase) -> list[str]:
    return [
        *_name_problems(case),
        *_lookup_problems(case),
        *_aggregation_problems(case),
        *_score_problems(case),
    ]


def _name_problems(case: UseCase) -> list[str]:
    names = [name for event in case.events for name in (event.name, *event.aliases)]
    twice = {name for name in names if names.count(name) > 1}
    reserved = {
        one.name for event in case.events for one in event.fields if one.name in _reserved(case)
    }
    clashing = {
        one.name
        for event in case.events
        for one in event.fields
        if len({type(other) for e in case.events for other in e.fields if other.name == one.name})
        > 1
    }
    return [
        *(f"event type {name} stands twice" for name in sorted(twice)),
        *(f"field {name} is reserved" for name in sorted(reserved)),
        *(f"field {name} has two types" for name in sorted(clashing)),
    ]


def _reserved(case: UseCase) -> tuple[str, ...]:
    return (case.entity, *ENVELOPE)


def _lookup_problems(case: UseCase) -> list[str]:
    keys: tuple[type[Field], ...] = (Integer, Text)
    return [
        f"lookup {one.name} needs a text or integer field {one.key} of {one.event}, no outcome"
        for one in case.lookups
        if not _has(case, one.event, one.key, keys) or case.event(one.event).field(one.key).outcome
    ]


def _aggregation_problems(case: UseCase) -> list[str]:
    known = {event.name for event in case.events}
    numbers: tuple[type[Field], ...] = (Number, Integer)
    return [
        *(
            f"aggregation {one.name} needs a required number {one.of} of {one.event}, no outcome"
            for one in case.aggregations
            if not _has(case, one.event, one.of, numbers)
            or not case.event(one.event).field(one.of).required
            or case.event(one.event).field(one.of).outcome
        ),
        *(
            f"the window of {one.name} opens with an unknown event type"
            for one in case.aggregations
            if one.window.anchor and one.window.anchor not in known
        ),
    ]


def _score_problems(case: UseCase) -> list[str]:
    aggregated = {one.event for one in case.aggregations}
    twice = {name for name in case.features if case.features.count(name) > 1}
    outcomes = {"", *(one.name for event in case.events for one in event.fields if one.outcome)}
    return [
        *(f"feature {name} stands twice" for name in sorted(twice)),
        *([] if case.outcome in outcomes else [f"no outcome field is called {case.outcome}"]),
        *(
            f"{name} causes a score but is in no aggregation"
            for name in case.scored_on
            if name not in aggregated
        ),
        *(
            f"the model reads an unknown feature {name}"
            for name in case.model.features
            if name not in case.features
        ),
    ]


def _has(case: UseCase, event: str, name: str, kinds: tuple[type[Field], ...]) -> bool:
    return any(
        isinstance(one, kinds)
        for declared in case.events
        if declared.name == event
        for one in declared.fields
        if one.name == name
    )
