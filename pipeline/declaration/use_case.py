"""A business case as one frozen value: entity, events, lookups, aggregations, scores, model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from pipeline.declaration.fields import MOST_NUMBER, Field, Integer, Number, Text
from pipeline.declaration.silence import Silence
from pipeline.windows import STATISTICS, WHOLE, Rolling, Window
from pipeline.windows.kept import DISTINCT, KNOWN

LEAST_REMEMBERED, MOST_REMEMBERED = 2, 1024
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
    """Statistics of the field `of` in events of type `event`: sum, mean, count and var of a number.

    A rolling window may tell `min`, `max` and `last` as well; or `distinct`: how many different
    values of a text or an integer there were, counted up to 32.
    """

    name: str
    event: str
    of: str
    window: Window | Rolling
    statistics: tuple[str, ...] = STATISTICS

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features, in their order: all of a window's before the next one's."""
        return tuple(
            f"{self.name}{label}_{statistic}"
            for label in self.window.labels
            for statistic in self.statistics
        )


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """The features that the model reads, in the order of its input columns."""

    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UseCase:
    """All that the pipeline has to know of a business case. Raises ValueError if inconsistent.

    Without a model there are no scores, and what `scored_on` causes are only serving records.
    What a model learns is `outcome`, the field of an event, or what `label_rule` makes of the log.

    An event is a duplicate if the last `remembered_ids` different ids of its entity hold its own.
    """

    name: str
    entity: str
    events: tuple[EventType, ...]
    lookups: tuple[Lookup, ...]
    aggregations: tuple[Aggregation, ...]
    scored_on: tuple[str, ...]
    model: ModelInputs | None
    outcome: str
    fold_version: int
    topic_prefix: str = field(default="")
    label_rule: Silence | None = None
    remembered_ids: int = 32

    def __post_init__(self) -> None:
        problems = [*_problems(self)]
        if problems:
            raise ValueError(f"use case {self.name}: " + "; ".join(problems))

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature's name: the lookups, the filling windows, then the rolling ones."""
        aggregated = [name for one in (*self.filling, *self.rolling) for name in one.features]
        return (*(lookup.name for lookup in self.lookups), *aggregated)

    @property
    def whole(self) -> frozenset[str]:
        """The features that are integers."""
        told = (name for one in self.aggregations for name in one.features)
        return frozenset(name for name in told if name.rpartition("_")[2] in WHOLE)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The features that its model reads, in their order; none without a model."""
        return self.model.features if self.model else ()

    @property
    def filling(self) -> tuple[Aggregation, ...]:
        """The aggregations whose windows only fill, as declared: moments are all they keep."""
        return tuple(one for one in self.aggregations if not isinstance(one.window, Rolling))

    @property
    def rolling(self) -> tuple[Aggregation, ...]:
        """The aggregations over rolling windows, as declared: they keep tiles."""
        return tuple(one for one in self.aggregations if isinstance(one.window, Rolling))

    @property
    def anchors(self) -> tuple[str, ...]:
        """The event types whose first record opens a window, each once, as declared."""
        opened = [one.window.anchor for one in self.aggregations if one.window.anchor]
        return tuple(dict.fromkeys(opened))

    @property
    def events_at_once(self) -> int:
        """How many events of one entity may be sent together, so that they can be sent again.

        n events that come again are duplicates while n + k <= `remembered_ids`, k being the other
        ids of their entity since the first of them. This leaves room for as many others.
        """
        return self.remembered_ids // 2

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change exactly when a declared change alters state or outputs."""
        meaning = {
            "entity": self.entity,
            "lookups": [asdict(lookup) for lookup in self.lookups],
            "aggregations": [_meaning(one) for one in self.aggregations],
            "scored_on": sorted(self.scored_on),
            "remembered_ids": self.remembered_ids,
            "fold_version": self.fold_version,
        }
        text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def event(self, name: str) -> EventType:
        """The event type of this canonical name. Raises KeyError."""
        return {event.name: event for event in self.events}[name]


def _meaning(aggregation: Aggregation) -> dict[str, object]:
    usual = aggregation.statistics == STATISTICS
    return {
        "name": aggregation.name,
        "event": aggregation.event,
        "of": aggregation.of,
        "window": aggregation.window.meaning,
        **({} if usual else {"statistics": aggregation.statistics}),
    }


def _problems(case: UseCase) -> list[str]:
    return [
        *_name_problems(case),
        *_lookup_problems(case),
        *_aggregation_problems(case),
        *_limit_problems(case),
        *_score_problems(case),
        *_memory_problems(case),
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
    return [
        *(
            f"aggregation {one.name} needs a required {_needed(one)[0]} {one.of} of {one.event}, "
            "no outcome"
            for one in case.aggregations
            if not _has(case, one.event, one.of, _needed(one)[1])
            or not case.event(one.event).field(one.of).required
            or case.event(one.event).field(one.of).outcome
        ),
        *(problem for one in case.aggregations for problem in _statistics_problems(one)),
        *(
            f"aggregation {one.name} is of {one.of}, which is personal"
            for one in case.aggregations
            if _has(case, one.event, one.of, (Text,))
            and case.event(one.event).field(one.of).personal
        ),
        *(
            f"the window of {one.name} opens with an unknown event type"
            for one in case.aggregations
            if one.window.anchor and one.window.anchor not in known
        ),
    ]


def _limit_problems(case: UseCase) -> list[str]:
    return [
        f"field {one.name} of {event.name} needs limits within {MOST_NUMBER:g}"
        for event in case.events
        for one in event.fields
        if isinstance(one, Number) and not -MOST_NUMBER <= one.low <= one.high <= MOST_NUMBER
    ]


def _needed(one: Aggregation) -> tuple[str, tuple[type[Field], ...]]:
    """What an aggregation can be of, in words and as types."""
    if DISTINCT in one.statistics:
        return "text or integer", (Text, Integer)
    return "number", (Number, Integer)


def _statistics_problems(one: Aggregation) -> list[str]:
    if not isinstance(one.window, Rolling):
        usual = one.statistics == STATISTICS
        return [] if usual else [f"aggregation {one.name} needs a rolling window to tell others"]
    unknown = [name for name in one.statistics if name not in KNOWN]
    besides = DISTINCT in one.statistics and len(one.statistics) > 1
    return [
        *([] if one.statistics else [f"aggregation {one.name} tells nothing"]),
        *(f"aggregation {one.name} cannot tell {name}" for name in unknown),
        *([f"aggregation {one.name} tells {DISTINCT}, and nothing besides"] if besides else []),
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
            for name in case.inputs
            if name not in case.features
        ),
        *_rule_problems(case),
    ]


def _memory_problems(case: UseCase) -> list[str]:
    if LEAST_REMEMBERED <= case.remembered_ids <= MOST_REMEMBERED:
        return []
    return [f"remembered_ids is not from {LEAST_REMEMBERED} to {MOST_REMEMBERED}"]


def _rule_problems(case: UseCase) -> list[str]:
    rule = case.label_rule
    if rule is None or rule.opens_with in {event.name for event in case.events}:
        return []
    return [f"the rule of labels opens with an unknown event type {rule.opens_with}"]


def _has(case: UseCase, event: str, name: str, kinds: tuple[type[Field], ...]) -> bool:
    return any(
        isinstance(one, kinds)
        for declared in case.events
        if declared.name == event
        for one in declared.fields
        if one.name == name
    )
