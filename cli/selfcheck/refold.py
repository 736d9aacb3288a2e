"""The fold run again over the log, with the pipeline's own fold and codec. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.selfcheck.held import Entity
from cli.selfcheck.logged import control_of
from pipeline.control import Control, Erase, LookupLoaded
from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.fold import Fold, LookupKey, Tables
from pipeline.state import EntityState, StateCodec

Matrix = npt.NDArray[np.float64]
_AT_ONCE = 100_000  # rows that become Python values together
_UNREAD = ""  # an event's time as text; the fold reads the number

TableOf = Callable[[str, str], Mapping[LookupKey, float]]


@dataclass(frozen=True, slots=True)
class Scores:
    """The events that cause a score, in log order: whose, and the features there, by column."""

    origins: Sequence[str]
    entities: Sequence[str]
    inputs: Matrix


@dataclass(frozen=True, slots=True)
class Refolded:
    """What the fold makes of the whole log; `hashes` as Redis should hold them."""

    hashes: Mapping[Entity, Mapping[bytes, bytes]]
    lookups: Mapping[int, Mapping[str, str]]
    scores: Scores


_Record = tuple[int, str, Event | Control | None]
"""Partition, origin and content of a record; no content where the fold rejects it."""


@dataclass(slots=True)
class _Partition:
    """One partition while it is being folded."""

    lookups: dict[str, str] = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)
    states: dict[str, EntityState] = field(default_factory=dict)


def refold(case: UseCase, log: pa.Table, table_of: TableOf) -> Refolded:
    """Fold `log`, as `cli.selfcheck.logged.in_force` gives it.

    Raises what `table_of` raises for a lookup table that cannot be found.
    """
    fold, partitions = Fold(case), dict[int, _Partition]()
    origins, entities, inputs = list[str](), list[str](), array("d")
    for number, origin, content in _records(case, log):
        partition = partitions.setdefault(number, _Partition())
        if not isinstance(content, Event):
            _control(case, partition, content, table_of)
            continue
        state = partition.states.get(content.entity)
        if state is None:
            state = partition.states[content.entity] = fold.empty()
        if fold.apply(state, content, partition.tables).causes_score:
            origins.append(origin)
            entities.append(content.entity)
            as_of = content.at if state.newest is None else state.newest
            inputs.extend(fold.features(state, as_of).values())
    rows = np.asarray(inputs, np.float64).reshape(-1, len(case.features))
    return Refolded(
        _hashes(case, partitions),
        {number: partition.lookups for number, partition in partitions.items()},
        Scores(origins, entities, rows),
    )


def _control(
    case: UseCase, partition: _Partition, control: Control | None, table_of: TableOf
) -> None:
    if isinstance(control, Erase):
        partition.states.pop(control.entity, None)
    if isinstance(control, LookupLoaded) and control.lookup in {one.name for one in case.lookups}:
        partition.lookups[control.lookup] = control.version
        partition.tables = {
            name: table_of(name, version) for name, version in partition.lookups.items()
        }


def _hashes(
    case: UseCase, partitions: Mapping[int, _Partition]
) -> dict[Entity, Mapping[bytes, bytes]]:
    codec = StateCodec(case)
    names = [name.encode() for name in codec.fields]
    return {
        (number, entity): dict(zip(names, map(_raw, codec.encode(state)), strict=True))
        for number, partition in partitions.items()
        for entity, state in partition.states.items()
    }


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _records(case: UseCase, log: pa.Table) -> Iterator[_Record]:
    for start in range(0, len(log), _AT_ONCE):
        yield from _chunk(case, log.slice(start, _AT_ONCE))


def _chunk(case: UseCase, log: pa.Table) -> Iterator[_Record]:
    values = _values(case, log)
    columns = (
        log["partition"].to_pylist(),
        log["origin"].to_pylist(),
        log["control"].to_pylist(),
        log[case.entity].to_pylist(),
        log["event_type"].to_pylist(),
        log["event_time"].cast(pa.int64()).to_pylist(),
        log["event_id"].to_pylist(),
    )
    rows = enumerate(zip(*columns, strict=True))
    for row, (partition, origin, control, entity, event_type, at, event_id) in rows:
        if control is None:
            fields = {name: column[row] for name, column in values[event_type]}
            event = Event(entity, event_type, at, _UNREAD, event_id, fields)
            yield partition, origin, event
        else:
            yield partition, origin, control_of(control)


def _values(case: UseCase, log: pa.Table) -> dict[str, list[tuple[str, list[Any]]]]:
    """By event type the fields that the fold reads of it, each with its column."""
    read = {
        *((one.event, one.of) for one in case.aggregations),
        *((one.event, one.key) for one in case.lookups),
    }
    columns = {name: log[name].to_pylist() for _, name in read}
    return {
        event.name: [(name, columns[name]) for kind, name in sorted(read) if kind == event.name]
        for event in case.events
    }
