"""What a business case's world offers to the generator: its events, and its lookup tables.

A case brings its world as `use_cases/<name>/world.py` with `build(size: WorldSize) -> World`,
and, if its entities may change their ways, with `drifting(share: float)` that gives such a `build`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from pipeline.errors import SettingsError
from pipeline.times import micros_of

WORLD_END = micros_of(datetime(2025, 7, 1, tzinfo=UTC))  # past and fixed: a world can be made again


class SourceRecord(NamedTuple):
    """A record as a source sends it. Key and value may be null."""

    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class WorldSize:
    """How many entities, how many events each, which seed, and the world's end in microseconds."""

    users: int
    events: int
    seed: int
    end: int = WORLD_END

    def __post_init__(self) -> None:
        if self.users < 1 or self.events < 0 or self.seed < 0:
            raise SettingsError(
                f"no world of {self.users} users, {self.events} events each and seed {self.seed}",
                "Ask for 1 user or more, 0 events or more, and a seed of 0 or more",
            )


class World(Protocol):
    """A seeded world: the same size gives the same keys and values, byte for byte."""

    @property
    def total(self) -> int:
        """How many events it has."""
        ...

    def events(self) -> Iterator[SourceRecord]:
        """All events as they arrive: in the order of their own times, but for late ones."""
        ...

    def live(self, now: Callable[[], int]) -> Iterator[SourceRecord]:
        """The same events in the same order, each stamped `now()` at the moment it is taken."""
        ...

    def lookups(self) -> Mapping[str, Iterable[tuple[int | str, float]]]:
        """Key and value of every row, by the declared lookup's name."""
        ...
