"""What a log tells of an entity beside the model's inputs: for reports, never for a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Protocol

from pipeline.events import Event
from pipeline.times import EPOCH

AGE = "age"
"""Years at the registration; not a number where no date of birth is known."""

_UNKNOWN = float("nan")
_DAY = 86_400_000_000
_YEAR = 365.2425  # days
BORN = "date_of_birth"


class Witness(Protocol):
    """Sees every event in the order of the log; `of` is what it makes of an entity's so far."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it reads beside those of the fold."""
        ...

    def observe(self, event: Event) -> None:
        """Take in the next event."""
        ...

    def of(self, entity: str) -> float:
        """A number, or not a number where nothing is known."""
        ...


def watched(events: Iterable[Event], witnesses: Collection[Witness]) -> Iterator[Event]:
    """The same events, each after all witnesses have seen it."""
    for event in events:
        for witness in witnesses:
            witness.observe(event)
        yield event


class Ages:
    """Each entity's age in years when its date of birth came; only a group of it is reported."""

    fields = (BORN,)

    def __init__(self) -> None:
        self._ages: dict[str, float] = {}

    def observe(self, event: Event) -> None:
        """Take in the next event."""
        born = event.values.get(BORN)
        if isinstance(born, str):
            self._ages[event.entity] = years_at(born, event.at)

    def of(self, entity: str) -> float:
        """The age; not a number where none, or no date, was told."""
        return self._ages.get(entity, _UNKNOWN)


def years_at(born: str, at: int) -> float:
    """The age at `at` (microseconds) of who was born on a day; not a number where it is none."""
    try:
        day = date.fromisoformat(born)
    except ValueError:
        return _UNKNOWN
    return (at // _DAY - (day - EPOCH.date()).days) / _YEAR
