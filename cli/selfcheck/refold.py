"""The fold run again over the log, with the pipeline's own fold and codec. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.selfcheck.held import Entity
from pipeline.control import Control, LookupLoaded, decode_control
from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.fold import Fold, LookupKey, Tables
from pipeline.parquet import CONTROL
from pipeline.state import EntityState, StateCodec

Matrix = npt.NDArray[np.float64]
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


class _Record(NamedTuple):
    partition: int
    origin: str
    content: Event | Control


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
            _control(partition, content, table_of)
            continue
        state = partition.states.setdefault(content.entity, fold.empty())
        if fold.apply(state, content, partition.tables).causes_score:
            origins.append(origin)
            entities.append(content.entity)
            inputs.extend(fold.features(state, state.newest or content.at).values())
    rows = np.frombuffer(inputs).reshape(-1, len(case.features))
    return Refolded(
        _hashes(case, partitions),
        {number: partition.lookups for number, partition in partitions.items()},
        Scores(origins, entities, rows),
    )


def _control(partition: _Partition, control: Control, table_of: TableOf) -> None:
    if isinstance(control, LookupLoaded):
        partition.lookups[control.lookup] = control.version
        partition.tables = {
            name: table_of(name, version) for name, version in partition.lookups.items()
        }
    else:
        partition.states.pop(control.entity, None)


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
    values = _values(case, log)
    columns = (
        log["partition"].to_pylist(),
        log["origin"].to_pylist(),
        log["kind"].to_pylist(),
        log["control"].to_pylist(),
        log[case.entity].to_pylist(),
        log["event_type"].to_pylist(),
        log["event_time"].cast(pa.int64()).to_pylist(),
        log["event_id"].to_pylist(),
    )
    for row, (partition, origin, kind, control, entity, event_type, at, event_id) in enumerate(
        zip(*columns, strict=True)
    ):
        if kind == CONTROL:
            yield _Record(partition, origin, decode_control(control.encode()))
        else:
            fields = {name: column[row] for name, column in values[event_type]}
            yield _Record(
                partition, origin, Event(entity, event_type, at, _UNREAD, event_id, fields)
            )


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
