"""The fold run again over the log, with the pipeline's own fold and codec. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.selfcheck.held import Entity
from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.parquet.refold import Refold, TableOf
from pipeline.parquet.rows import Content, contents
from pipeline.state import StateCodec

Matrix = npt.NDArray[np.float64]
_AT_ONCE = 100_000  # rows that become Python values together


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


def refold(case: UseCase, log: pa.Table, table_of: TableOf) -> Refolded:
    """Fold `log`, as `cli.selfcheck.logged.in_force` gives it.

    Raises what `table_of` raises for a lookup table that cannot be found.
    """
    partitions = dict[int, Refold]()
    origins, entities, inputs = list[str](), list[str](), array("d")
    for number, origin, content in _records(case, log):
        partition = partitions.get(number)
        if partition is None:
            partition = partitions[number] = Refold(case, table_of)
        if isinstance(content, Event):
            if partition.event(content).causes_score:
                state = partition.states[content.entity]
                origins.append(origin)
                entities.append(content.entity)
                as_of = content.at if state.newest is None else state.newest
                inputs.extend(partition.fold.features(state, as_of).values())
        elif content is not None:
            partition.control(content)
    rows = np.asarray(inputs, np.float64).reshape(-1, len(case.features))
    return Refolded(
        _hashes(case, partitions),
        {number: partition.lookups for number, partition in partitions.items()},
        Scores(origins, entities, rows),
    )


def _hashes(case: UseCase, partitions: Mapping[int, Refold]) -> dict[Entity, Mapping[bytes, bytes]]:
    codec = StateCodec(case)
    names = [name.encode() for name in codec.fields]
    return {
        (number, entity): dict(zip(names, map(_raw, codec.encode(state)), strict=False))
        for number, partition in partitions.items()
        for entity, state in partition.states.items()
    }


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _records(case: UseCase, log: pa.Table) -> Iterator[tuple[int, str, Content]]:
    """Partition, origin and content of each record."""
    for start in range(0, len(log), _AT_ONCE):
        rows = log.slice(start, _AT_ONCE)
        places = rows["partition"].to_pylist(), rows["origin"].to_pylist()
        yield from zip(*places, contents(case, rows), strict=True)
