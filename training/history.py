"""What was known at each score: a log read once more through the validator and the fold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from pipeline.declaration import UseCase
from pipeline.events import Event, EventDecoder
from pipeline.fold import Fold, LookupKey, Tables
from pipeline.state import EntityState
from pipeline.validation import Validator
from pipeline.world import SourceRecord


class Sent(Protocol):
    """What a source sends: a world's, or what was kept of one."""

    def events(self) -> Iterator[SourceRecord]:
        """All events as they arrive."""
        ...

    def lookups(self) -> Mapping[str, Iterable[tuple[LookupKey, float]]]:
        """Key and value of every row, by the declared lookup's name."""
        ...


class Scored(NamedTuple):
    """One score: whose, and the model's inputs as they stood, in the declaration's order."""

    entity: str
    values: tuple[float, ...]


class History:
    """Replays events of one use case. `labels` is complete once `scored` is exhausted."""

    def __init__(self, case: UseCase, tables: Tables) -> None:
        self._case = case
        self._tables = tables
        self._fold = Fold(case)
        self._states: dict[str, EntityState] = {}
        self.labels: dict[str, int] = {}

    def scored(self, events: Iterable[Event]) -> Iterator[Scored]:
        """A row for each event that causes a score, in the order of the log."""
        for event in events:
            label = event.values.get(self._case.outcome)
            if label is not None:
                self.labels[event.entity] = label
            state = self._states.get(event.entity)
            if state is None:
                state = self._states[event.entity] = self._fold.empty()
            if self._fold.apply(state, event, self._tables).causes_score:
                yield Scored(event.entity, self._inputs(state, event))

    def _inputs(self, state: EntityState, event: Event) -> tuple[float, ...]:
        newest = event.at if state.newest is None else state.newest
        features = self._fold.features(state, newest)
        return tuple([features[name] for name in self._case.inputs])


def canonical_events(
    case: UseCase, sent: Sent, end: int, also: Sequence[str] = ()
) -> Iterator[Event]:
    """The events sent as `event_handler` forwards them; `end` in microseconds.

    `also` names fields to keep besides what the fold reads and the outcome.
    """
    validator, decoder = Validator(case), EventDecoder(case, also=[case.outcome, *also])
    for record in sent.events():
        yield decoder.decode(validator.canonical(record.value, end).value)


def tables_of(sent: Sent) -> Tables:
    """The lookup tables as the fold reads them."""
    return {name: dict(rows) for name, rows in sent.lookups().items()}
