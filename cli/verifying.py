"""Logged inputs against the fold run again over the log: whether models were told what happened."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.origin import Highest, Origin
from pipeline.parquet.files import noted_count
from pipeline.parquet.format import EVENT, schemas
from pipeline.parquet.refold import TableOf
from pipeline.parquet.verification import Verification
from pipeline.state import EntityState
from pipeline.topics import Topics
from rebuild.folding import belonging, logged, refold_of
from rebuild.history import History, read_history

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a partition was asked to score, a row for each: the cause, whom it is about, the inputs.

    Of the log an input is not a number where none was logged.
    """

    origins: Sequence[str]
    entities: Sequence[str | None]
    inputs: Matrix


@dataclass(frozen=True, slots=True)
class Compared:
    """How many inferences were compared, differ in each input, and were asked for by nothing."""

    inferences: int
    mismatches: npt.NDArray[np.int64]
    strange: int


def verify(
    case: UseCase, parquet_dir: Path, partitions: int, table_of: TableOf, at: str
) -> Verification:
    """Compare every logged input of all epochs, bit for bit; `at` is the time of the comparison.

    Blocks. Holds one partition's states and scores in memory. Passes over inferences whose event
    is not logged yet. Raises Refusal where files are missing, and what `table_of` raises.
    """
    topics = Topics.of(case)
    count = noted_count(parquet_dir / topics.incoming) or partitions
    incoming = read_history(parquet_dir, topics.incoming, count)
    inferences = read_history(parquet_dir, topics.inferences, count)
    parts = []
    for partition in range(count):
        inferred = inferred_scores(case, inferences, partition)  # first: their events come earlier
        folded, highest = folded_scores(case, table_of, incoming, partition)
        parts.append(compare(folded, highest, inferred))
    differing = sum((one.mismatches for one in parts), np.zeros(len(case.inputs), np.int64))
    return Verification(
        at,
        sum(one.inferences for one in parts),
        dict(zip(case.inputs, differing.tolist(), strict=True)),
        sum(one.strange for one in parts),
    )


def inferred_scores(case: UseCase, inferences: History, partition: int) -> Scores:
    """As they were logged, in log order."""
    schema = schemas(case)[Topics.of(case).inferences]
    columns = ("origin", "kind", case.entity, *case.inputs)
    batches = [
        rows.filter(pc.equal(rows["kind"], EVENT))
        for stream in inferences.streams(partition)
        for rows in stream.batches(schema, columns)
    ]
    table = pa.Table.from_batches(batches, pa.schema([schema.field(name) for name in columns]))
    inputs = [table[name].cast(pa.float64()).fill_null(np.nan) for name in case.inputs]
    return Scores(
        table["origin"].to_pylist(),
        table[case.entity].to_pylist(),
        np.column_stack([one.to_numpy() for one in inputs]),
    )


def folded_scores(
    case: UseCase, table_of: TableOf, incoming: History, partition: int
) -> tuple[Scores, Highest]:
    """What the fold asks to be scored, in log order; and the highest origins that it read."""
    origins, entities, inputs = list[str](), list[str](), array("d")
    states, highest = dict[str, EntityState](), Highest()
    for stream in incoming.streams(partition):
        refold = refold_of(case, table_of, stream, states)
        for record in belonging(stream, logged(case, stream)):
            highest.admit(record.origin)
            content = record.content
            if isinstance(content, Event):
                if refold.event(content).causes_score:
                    state = states[content.entity]
                    as_of = content.at if state.newest is None else state.newest
                    features = refold.fold.features(state, as_of)
                    origins.append(record.origin.encode().decode())
                    entities.append(content.entity)
                    inputs.extend(features[name] for name in case.inputs)
            elif content is not None:
                refold.control(content)
    rows = np.asarray(inputs, np.float64).reshape(-1, len(case.inputs))
    return Scores(origins, entities, rows), highest


def compare(folded: Scores, highest: Highest, inferred: Scores) -> Compared:
    """Whom each inference is about, and every input that it has, against the fold's."""
    places = {origin: row for row, origin in enumerate(folded.origins)}
    found = [
        (row, places.get(origin, -1))
        for row, origin in enumerate(inferred.origins)
        if origin in places or highest.covers(Origin.decode(origin.encode()))
    ]
    same = [
        (row, place)
        for row, place in found
        if place >= 0 and folded.entities[place] == inferred.entities[row]
    ]
    rows, places_of_rows = np.asarray(same, np.int64).reshape(-1, 2).T
    was, wanted = inferred.inputs[rows], folded.inputs[places_of_rows]
    differs = (was.view(np.int64) != wanted.view(np.int64)) & ~np.isnan(was)
    return Compared(len(found), differs.sum(axis=0), len(found) - len(same))
