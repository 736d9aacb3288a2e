"""The fold: how one event changes an entity's state. A pure function of the partition's log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from pipeline.declaration import EventType, UseCase
from pipeline.events import Event
from pipeline.features import Features
from pipeline.recent_ids import remember
from pipeline.state import EntityState, tilings
from pipeline.windows import STATISTICS, Rolling, Tiling, Window

LookupKey = int | str
Tables = Mapping[str, Mapping[LookupKey, float]]
"""The lookup tables in force: name of the lookup -> its table."""

COUNTED = "counted"
NOT_AGGREGATED = "not_aggregated"
DUPLICATE = "duplicate"
LATE = "late"
_WIDTH = len(STATISTICS)


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of an event: `COUNTED`, or why it did not count; and the lookups that missed."""

    reason: str
    causes_score: bool = False
    missed: tuple[str, ...] = ()


class _Filling(NamedTuple):
    """An aggregation that only fills: where its moments are, and the first of its features."""

    moments: int
    read: int
    anchor: int | None
    of: str
    window: Window


@dataclass(frozen=True, slots=True)
class _Step:
    """What one event type does to a state, resolved to positions."""

    lookups: tuple[tuple[int, str, str, float], ...]  # position, name, key field, default
    opens: int | None
    aggregations: tuple[_Filling, ...]
    rolling: tuple[tuple[int, str, Tiling], ...]  # position, field
    scored: bool
    counted: Outcome


class Fold(Features):
    """Applies the events of one use case to states, one record at a time in log order."""

    def __init__(self, case: UseCase) -> None:
        super().__init__(case)
        self._case = case
        self._remembered = case.remembered_ids
        self._steps = {event.name: _step(case, event) for event in case.events}

    def empty(self) -> EntityState:
        """The state before an entity's first event."""
        return EntityState.empty(self._case)

    def apply(self, state: EntityState, event: Event, tables: Tables) -> Outcome:
        """Change `state` in place by `event`, with the lookup tables then in force."""
        if event.event_id is not None:  # an event without an id is never a duplicate
            recent = remember(state.recent, event.event_id, self._remembered)
            if recent is None:
                return Outcome(DUPLICATE)
            state.recent = recent
        if state.newest is None or event.at > state.newest:
            state.newest = event.at
        step = self._steps[event.event_type]
        missed = _look_up(state, step, event, tables) if step.lookups else ()
        if step.opens is not None and state.opened[step.opens] is None:
            state.opened[step.opens] = event.at
        reason = _aggregate(state, step, event)
        if step.rolling:
            reason = _roll(state, step, event, reason)
        if reason is COUNTED and not missed:
            return step.counted
        return Outcome(reason, step.scored and reason == COUNTED, missed)


def _step(case: UseCase, event: EventType) -> _Step:
    anchors = case.anchors
    return _Step(
        lookups=tuple(
            (position, one.name, one.key, one.default)
            for position, one in enumerate(case.lookups)
            if one.event == event.name
        ),
        opens=anchors.index(event.name) if event.name in anchors else None,
        aggregations=tuple(_filling(case, event)),
        rolling=tuple(
            (position, one.of, tiling)
            for position, (one, tiling) in enumerate(zip(case.rolling, tilings(case), strict=True))
            if one.event == event.name
        ),
        scored=event.name in case.scored_on,
        counted=Outcome(COUNTED, event.name in case.scored_on),
    )


def _filling(case: UseCase, event: EventType) -> Iterator[_Filling]:
    """The aggregations of this event type that only fill."""
    for position, one in enumerate(case.filling):
        if one.event != event.name or isinstance(one.window, Rolling):
            continue
        anchor = case.anchors.index(one.window.anchor) if one.window.anchor else None
        read = len(case.lookups) + position * _WIDTH
        yield _Filling(position, read, anchor, one.of, one.window)


def _look_up(state: EntityState, step: _Step, event: Event, tables: Tables) -> tuple[str, ...]:
    missed: tuple[str, ...] = ()
    for position, name, key_field, default in step.lookups:
        key = event.values.get(key_field)
        found = None if key is None else tables.get(name, {}).get(key)
        state.read[position] = default if found is None else found
        if found is None:
            missed = (*missed, name)
    return missed


def _aggregate(state: EntityState, step: _Step, event: Event) -> str:
    """`COUNTED` if any aggregation took the event in, else the first reason why none did."""
    counted, refused = False, NOT_AGGREGATED
    for position, read, anchor, of, window in step.aggregations:
        opened = None if anchor is None else state.opened[anchor]
        refusal = window.refusal(opened, event.at)
        if refusal is None:
            moments = state.moments[position]
            moments.add(float(event.values[of]))
            state.read[read : read + _WIDTH] = moments.statistics
            counted = True
        elif refused is NOT_AGGREGATED:
            refused = refusal
    return COUNTED if counted else refused


def _roll(state: EntityState, step: _Step, event: Event, reason: str) -> str:
    """`COUNTED` if any rolling aggregation took the event in too, else `reason`, or `LATE`."""
    newest = event.at if state.newest is None else state.newest
    for position, of, tiling in step.rolling:
        value = event.values[of]
        known = value if isinstance(value, str) else float(value)
        if tiling.add(state.tiles[position], known, event.at, newest):
            reason = COUNTED
    return LATE if reason is NOT_AGGREGATED else reason
