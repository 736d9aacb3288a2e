"""The features of a partition, folded from its log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.control import Erase, LookupLoaded
from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.logged import contents, fold_columns
from pipeline.origin import Highest, Origin
from pipeline.parquet import schemas
from pipeline.refold import Refold, TableOf
from pipeline.state import EntityState, StateCodec
from pipeline.store.store import Values
from pipeline.topics import Topics
from rebuild.history import History, Stream

_BESIDES = ("origin", "extra")


@dataclass(slots=True)
class Folded:
    """What the worker holds after the same records."""

    states: dict[str, EntityState] = field(default_factory=dict)
    lookups: dict[str, str] = field(default_factory=dict)
    highest: Highest = field(default_factory=Highest)
    records: int = 0

    def entities(self, codec: StateCodec) -> Iterator[tuple[str, Values]]:
        """Each entity with its hash's values."""
        return ((entity, codec.encode(state)) for entity, state in self.states.items())


def fold(case: UseCase, table_of: TableOf, history: History, partition: int, up_to: int) -> Folded:
    """Fold all older epochs, and the current one up to and with the offset `up_to`.

    Holds the states of one partition in memory. Raises Refusal where files are missing, and what
    `table_of` raises.
    """
    folded = Folded()
    for stream in history.streams(partition):
        is_current = stream.epoch is history.current
        _fold_stream(case, table_of, stream, folded, up_to if is_current else None)
    return folded


def _fold_stream(
    case: UseCase, table_of: TableOf, stream: Stream, folded: Folded, up_to: int | None
) -> None:
    declared = {one.name for one in case.lookups}
    in_force = stream.epoch.lookups.get(stream.number, {})
    lookups = {name: one for name, one in in_force.items() if name in declared}
    refold = Refold(case, table_of, lookups, folded.states)
    schema = schemas(case)[Topics.of(case).incoming]
    columns = (*_BESIDES, *fold_columns(case))
    for rows in stream.batches(schema, columns, up_to):
        records = zip(rows["origin"].to_pylist(), contents(case, rows), strict=True)
        for origin, content in records:
            if not isinstance(content, LookupLoaded) and not _belongs(stream, content):
                continue
            folded.records += 1
            folded.highest.admit(Origin.decode(origin.encode()))
            if isinstance(content, Event):
                refold.event(content)
            elif content is not None:
                refold.control(content)
    folded.lookups = refold.lookups


def _belongs(stream: Stream, content: Event | Erase | None) -> bool:
    return stream.is_whole or (content is not None and stream.has(content.entity))
