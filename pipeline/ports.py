"""What `pipeline.stateful` asks of a stage's core, and of the edges to Kafka and Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pipeline.kafka.feed import Batch
from pipeline.marker import Marker
from pipeline.origin import Origin
from pipeline.records import Deliveries, InRecord, OutRecord
from pipeline.state import Raw
from pipeline.store.store import Conflict, Snapshot, Values


class Item(Protocol):
    """A decoded record."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""
        ...

    @property
    def origin(self) -> Origin:
        """What caused it in the first log."""
        ...

    @property
    def entity(self) -> str | None:
        """Whom it is about."""
        ...

    @property
    def record(self) -> InRecord:
        """The record as it was read."""
        ...


I = TypeVar("I", bound=Item)  # noqa: E741 - the usual one-letter name


@dataclass(frozen=True, slots=True)
class Applied:
    """What some records change: outputs to deliver, entities to write, lookups then in force."""

    outputs: Deliveries
    entities: Mapping[str, Values]
    lookups: Mapping[str, str]
    settled: Callable[[], None]
    """Called once everything is written: keeps the new states, counts the metrics."""
    counted: Callable[[Mapping[bytes, OutRecord]], Mapping[str, Values]] | None = None
    """The entities where other outputs, by source offset, count in place of these."""


class Core(Protocol[I]):
    """What one stage does with records; knows no client."""

    def decode(self, batch: Batch, after: int) -> list[I]:
        """The records of a batch beyond the offset `after`, in order; data errors included."""
        ...

    def unknown(self, partition: int, items: Sequence[I]) -> list[str]:
        """The entities whose stored values are needed before `apply`, each once."""
        ...

    def learn(
        self, partition: int, entities: Sequence[str], values: Sequence[Sequence[Raw]]
    ) -> None:
        """Take in stored values. Raises Fatal for values that no codec of ours wrote."""
        ...

    def apply(self, partition: int, lookups: Mapping[str, str], items: Sequence[I]) -> Applied:
        """Apply records in order, changing nothing that `Applied.settled` has not confirmed."""
        ...

    def forget(self, partition: int) -> None:
        """Drop whatever is remembered of a partition's entities."""
        ...


class EntityStore(Protocol):
    """Where entities and markers are kept; the real one is `pipeline.store.store.Store`."""

    async def marker(self, partition: int) -> Marker | None:
        """The marker of a partition."""
        ...

    async def read(self, partition: int, generation: str, entities: Sequence[str]) -> Snapshot:
        """The marker and these entities, as of one moment."""
        ...

    async def write(
        self, partition: int, believed: Marker | None, new: Marker, entities: Mapping[str, Values]
    ) -> Conflict | None:
        """Write all or nothing."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class Writer(Protocol):
    """Who delivers outputs; the real one is `pipeline.kafka.outputs.Outputs`."""

    async def deliver(self, deliveries: Deliveries) -> None:
        """Return when all are acknowledged."""
        ...

    async def close(self) -> None:
        """Let go of the producer."""
        ...
