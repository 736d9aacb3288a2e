"""The features of a partition, folded from its log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.control import Erase, LookupLoaded
from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.origin import Highest, Origin
from pipeline.parquet.format import schemas
from pipeline.parquet.refold import Refold, TableOf
from pipeline.parquet.rows import Content, contents, fold_columns
from pipeline.state import EntityState, StateCodec
from pipeline.store.store import Values
from pipeline.topics import Topics
from rebuild.history import History, Stream

_BESIDES = ("offset", "origin", "extra")


@dataclass(frozen=True, slots=True)
class Logged:
    """A record of the log, as the fold reads it; without content where the fold rejects it."""

    offset: int
    origin: Origin
    content: Content

    @property
    def entity(self) -> str | None:
        """Whom it is about."""
        return self.content.entity if isinstance(self.content, Event | Erase) else None


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
    refold = refold_of(case, table_of, stream, folded.states)
    for record in belonging(stream, logged(case, stream, up_to)):
        folded.records += 1
        apply(record, refold, folded.highest)
    folded.lookups = refold.lookups


def refold_of(
    case: UseCase, table_of: TableOf, stream: Stream, states: dict[str, EntityState]
) -> Refold:
    """A fold that begins a stream: with the lookups then in force, on what came before it."""
    declared = {one.name for one in case.lookups}
    in_force = stream.epoch.lookups.get(stream.number, {})
    lookups = {name: one for name, one in in_force.items() if name in declared}
    return Refold(case, table_of, lookups, states)


def logged(case: UseCase, stream: Stream, up_to: int | None = None) -> Iterator[Logged]:
    """The records of a stream, without replays, up to and with an offset."""
    schema = schemas(case)[Topics.of(case).incoming]
    for rows in stream.batches(schema, (*_BESIDES, *fold_columns(case)), up_to):
        columns = rows["offset"].to_pylist(), rows["origin"].to_pylist(), contents(case, rows)
        for offset, origin, content in zip(*columns, strict=True):
            yield Logged(offset, Origin.decode(origin.encode()), content)


def apply(record: Logged, refold: Refold, highest: Highest) -> None:
    """Fold one record, and note its origin."""
    highest.admit(record.origin)
    if isinstance(record.content, Event):
        refold.event(record.content)
    elif record.content is not None:
        refold.control(record.content)


def belonging(stream: Stream, records: Iterator[Logged]) -> Iterator[Logged]:
    """Those of a stream's records that the wanted partition folds."""
    return (
        record
        for record in records
        if stream.is_whole
        or isinstance(record.content, LookupLoaded)
        or (record.entity is not None and stream.has(record.entity))
    )
