"""What sources do to the order of good records: some come twice, some come late. Pure.

Keys and values stay what they were; how far a record moves is counted in records of its own key,
so that it means the same for every entity, whatever else is sent meanwhile.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.errors import SettingsError
from pipeline.world import SourceRecord

REACH = 8
"""The most records of its own key that a record is moved by."""


@dataclass(frozen=True, slots=True)
class Disorder:
    """How much of a world comes out of order: shares from 0, below 1. Raises SettingsError."""

    duplicate: float = 0.0
    late: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for share in (self.duplicate, self.late):
            if not 0 <= share < 1:
                raise SettingsError(
                    f"a share of {share} is none", "Ask for 0 or more, and less than 1"
                )

    def of(self, records: Iterator[SourceRecord]) -> Iterator[SourceRecord]:
        """All of `records`, disordered; the same ones in the same way for the same seed."""
        late = random.Random(f"late {self.seed}")  # noqa: S311 - a seeded world, no secret
        again = random.Random(f"again {self.seed}")  # noqa: S311 - the same
        if self.late:
            records = delayed(records, lambda: _drawn(late, self.late, 1))
        if self.duplicate:
            records = duplicated(records, lambda: _drawn(again, self.duplicate, 0))
        return records


def delayed(
    records: Iterator[SourceRecord], draw: Callable[[], int | None]
) -> Iterator[SourceRecord]:
    """Each record for which `draw` gives n only after the next n punctual ones of its key."""
    waiting = _Waiting()
    for record in records:
        if (after := draw()) is not None:
            waiting.add(record, after)
            continue
        yield record
        yield from waiting.due(record.key)
    yield from waiting.rest()


def duplicated(
    records: Iterator[SourceRecord], draw: Callable[[], int | None]
) -> Iterator[SourceRecord]:
    """All records; one for which `draw` gives n comes again after n further ones of its key."""
    waiting = _Waiting()
    for record in records:
        yield record
        yield from waiting.due(record.key)
        if (after := draw()) == 0:
            yield record
        elif after is not None:
            waiting.add(record, after)
    yield from waiting.rest()


def _drawn(dice: random.Random, share: float, least: int) -> int | None:
    """A number of records, `REACH` different ones from `least` on; None but for `share` of all."""
    return dice.randrange(least, least + REACH) if dice.random() < share else None


@dataclass(slots=True)
class _Held:
    record: SourceRecord
    left: int


@dataclass(slots=True)
class _Waiting:
    """Records that are due after some more of their key."""

    held: dict[bytes | None, list[_Held]] = field(default_factory=lambda: defaultdict(list))

    def add(self, record: SourceRecord, after: int) -> None:
        self.held[record.key].append(_Held(record, after))

    def due(self, key: bytes | None) -> Iterator[SourceRecord]:
        """One more record of `key` has come: whatever is due then, in the order it was held."""
        mine = self.held.pop(key, [])
        for one in mine:
            one.left -= 1
            if not one.left:
                yield one.record
        if left := [one for one in mine if one.left]:
            self.held[key] = left

    def rest(self) -> Iterator[SourceRecord]:
        """At the end: all that would have waited for more."""
        for mine in self.held.values():
            yield from (one.record for one in mine)
