"""What a log of events comes to: a plain reducer, written apart from the pipeline's fold.

It keeps whole lists of events and goes over them again for each number. Of the pipeline it knows
the declaration only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from pipeline.declaration import Aggregation, UseCase
from tests.faults.canonical import micros, moment, text_of
from tests.faults.logs import Record, Topic
from tests.faults.origins import Highest, Origin, effective, is_new, origin_of

TableOf = Callable[[str, str], Mapping[Any, float]]
"""The table of a lookup's version."""

_HASHES_A_FIELD = 8


class Numbers(NamedTuple):
    """Of some values; `m2` is the sum of the squared deviations from the mean."""

    sum: float
    mean: float
    count: int  # type: ignore[assignment] # hides tuple.count, which no one calls here
    var: float
    m2: float


class Cause(NamedTuple):
    """A record of `serving-features` that must be there; an erased entity has no content."""

    origin: Origin
    entity: str
    content: dict[str, Any] | None


@dataclass
class Life:
    """All that is known of an entity since its first event, or its last erasure."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    looked_up: dict[str, float] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=dict)

    def opening(self, event_type: str) -> datetime | None:
        """The time of the first event of a type."""
        return next((at(one) for one in self.events if one["event_type"] == event_type), None)

    @property
    def newest(self) -> datetime:
        """The latest event time so far."""
        return max(map(at, self.events))

    def recent_ids(self, most: int) -> dict[str, bytes]:
        """The last different event ids, each by its hash, in so many fields as they need."""
        hashes = [blake2b(one.encode(), digest_size=8).digest() for one in self.ids[-most:]]
        starts = range(0, len(hashes), _HASHES_A_FIELD)
        names = ["recent_ids", *(f"recent_ids_{number}" for number in range(1, len(starts)))]
        parts = [b"".join(hashes[start : start + _HASHES_A_FIELD]) for start in starts]
        return dict(zip(names, parts, strict=False))


@dataclass
class Folded:
    """One partition of `incoming-events`, reduced."""

    lives: dict[str, Life] = field(default_factory=dict)
    causes: list[Cause] = field(default_factory=list)
    lookups: dict[str, str] = field(default_factory=dict)
    highest: Highest = field(default_factory=dict)
    duplicates: int = 0
    events: int = 0


def at(event: Mapping[str, Any]) -> datetime:
    """The time of an event."""
    return moment(event["event_time"])


def numbers(values: Sequence[float]) -> Numbers:
    """In two passes."""
    if not values:
        return Numbers(0.0, 0.0, 0, 0.0, 0.0)
    total = math.fsum(values)
    mean = total / len(values)
    m2 = math.fsum((one - mean) ** 2 for one in values)
    return Numbers(total, mean, len(values), m2 / (len(values) - 1) if len(values) > 1 else 0.0, m2)


class Oracle:
    """Reduces the partitions of one use case."""

    def __init__(self, case: UseCase, table_of: TableOf) -> None:
        self._case = case
        self._table_of = table_of

    def reduce(self, incoming: Topic) -> dict[int, Folded]:
        """What each partition comes to."""
        return {
            number: self._partition(incoming.id, records)
            for number, records in incoming.partitions.items()
        }

    def features(self, life: Life) -> dict[str, float]:
        """Every feature of an entity by name."""
        found = {one.name: life.looked_up.get(one.name, one.default) for one in self._case.lookups}
        for one in self._case.aggregations:
            read = numbers(life.taken.get(one.name, ()))
            found |= {f"{one.name}_{name}": getattr(read, name) for name in _STATISTICS}
        return found

    def _partition(self, topic_id: str, records: Sequence[Record]) -> Folded:
        folded = Folded()
        for record in records:
            is_new(origin_of(topic_id, record), folded.highest)
        for origin, record in effective(topic_id, records):
            content = json.loads(record.value or b"")
            if record.header("kind") == b"control":
                self._control(folded, origin, content)
            else:
                self._event(folded, origin, content)
        return folded

    def _control(self, folded: Folded, origin: Origin, content: dict[str, Any]) -> None:
        if content["control"] == "lookup":
            folded.lookups[content["lookup"]] = content["version"]
        else:
            folded.lives.pop(content["entity"], None)
            folded.causes.append(Cause(origin, content["entity"], None))

    def _event(self, folded: Folded, origin: Origin, event: dict[str, Any]) -> None:
        entity = event[self._case.entity]
        life = folded.lives.setdefault(entity, Life())
        folded.events += 1
        event_id = event.get("event_id")
        if event_id is not None and event_id in life.ids[-self._case.remembered_ids :]:
            folded.duplicates += 1
            return
        if event_id is not None:
            life.ids.append(event_id)
        life.events.append(event)
        self._look_up(folded, life, event)
        counted = [one for one in self._case.aggregations if _counts(life, one, event)]
        for one in counted:
            life.taken.setdefault(one.name, []).append(float(event[one.of]))
        if counted and event["event_type"] in self._case.scored_on:
            folded.causes.append(Cause(origin, entity, self._request(folded, life, event)))

    def _look_up(self, folded: Folded, life: Life, event: dict[str, Any]) -> None:
        for one in self._case.lookups:
            if one.event == event["event_type"]:
                version = folded.lookups.get(one.name)
                table = {} if version is None else self._table_of(one.name, version)
                life.looked_up[one.name] = table.get(event.get(one.key), one.default)

    def _request(self, folded: Folded, life: Life, event: dict[str, Any]) -> dict[str, Any]:
        return {
            "schema_version": 1,
            self._case.entity: event[self._case.entity],
            "event_type": event["event_type"],
            "event_time": event["event_time"],
            "as_of": text_of(life.newest),
            "lookups": dict(folded.lookups),
            "features": self.features(life),
        }

    def stored(self, life: Life) -> dict[str, float | bytes]:
        """The fields of an entity's hash; binary ones as bytes, m2 apart (see `m2`)."""
        anchors = {f"first_{one}": life.opening(one) for one in self._case.anchors}
        return {
            **self.features(life),
            **{name: b"" if when is None else micros(when) for name, when in anchors.items()},
            "newest_event": micros(life.newest),
            **life.recent_ids(self._case.remembered_ids),
        }

    def m2(self, life: Life) -> list[float]:
        """The sums of squared deviations, in the order of the declaration."""
        return [numbers(life.taken.get(one.name, ())).m2 for one in self._case.aggregations]


_STATISTICS = ("sum", "mean", "count", "var")


def _counts(life: Life, one: Aggregation, event: dict[str, Any]) -> bool:
    """Whether an aggregation takes an event in, which is the last of this life."""
    if event["event_type"] != one.event:
        return False
    window = one.window.meaning
    if window["kind"] == "lifetime":
        return True
    opened = life.opening(str(window["opens_with"]))
    if opened is None:
        return False
    return opened <= at(event) <= opened + timedelta(hours=int(str(window["hours"])))
