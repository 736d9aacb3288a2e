"""Canonical events of any number of users, as `event_handler` would write them. Seeded and pure.

User ids and events look like the default case's world. All users have a first purchase at `OPENED`,
and what comes later comes within their first day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipeline.origin import HEADER, TIME_HEADER, Origin
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from pipeline.times import MINUTE, format_time, parse_time

Users = npt.NDArray[np.int64]

OPENED = parse_time("2025-06-01T00:00:00Z")
_VISITED = OPENED + 120 * MINUTE
_STEP = 1_000  # microseconds between two events of all users
_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA"  # of a source topic that nobody asks for
_EXPONENT = 1.1
_FIELDS = {"purchase": "amount", "bet": "bet_amount", "win": "win_amount"}
_KINDS = ("purchase", *["bet"] * 8, "win")
_LIFE = ("purchase", "bet", "win", *["bet"] * 7, "purchase", "win", "bet", "bet", "win", "purchase")

LIFE_EVENTS = 1 + len(_LIFE)
"""Events of a user who has one registration and one of each that follow."""


def user_id(number: int) -> str:
    """The id of a user."""
    return f"be4c0de5-{number}"


def twice(users: Users) -> Users:
    """Each of the users twice, the second time when half of all others have been there.

    Where so many are not kept in memory between rounds, exactly half of the visits miss.
    """
    gap = len(users) // 2
    later: Users = np.stack([users[gap:], users[:-gap]], axis=1).ravel()
    return np.concatenate([users[:gap], later, users[-gap:]])


def heavy_tailed(users: int, visits: int, seed: int) -> Users:
    """Users drawn with a probability proportional to 1 / (1 + number) ** 1.1."""
    weights = np.cumsum(1.0 / np.arange(1, users + 1) ** _EXPONENT)
    drawn = np.random.default_rng(seed).random(visits) * weights[-1]
    found: Users = np.searchsorted(weights, drawn)
    return found


@dataclass(slots=True)
class Scribe:
    """Writes the events of one log; origins go on where the last ones ended, in each partition."""

    partitions: int
    appended_at: int  # ms since the epoch
    written: int = 0
    _offsets: dict[int, int] = field(default_factory=dict)

    def lives(self, users: Iterable[int], seed: int) -> list[list[OutRecord]]:
        """By partition: a registration, then events of all kinds, for each of the users."""
        dice = np.random.default_rng(seed)
        return self._by_partition(
            event for number in users for event in _life(number, dice.random(len(_LIFE)).tolist())
        )

    def visits(self, users: Users) -> list[list[OutRecord]]:
        """By partition: one event for each of the users, in this order; most of them are bets."""
        return self._by_partition(map(self._visit, users.tolist()))

    def _visit(self, user: int) -> tuple[str, bytes]:
        self.written += 1
        kind = _KINDS[self.written % len(_KINDS)]
        at = _VISITED + self.written * _STEP
        return _event(user, kind, at, f"v{self.written}", 10 + self.written % 37 / 8)

    def _by_partition(self, events: Iterable[tuple[str, bytes]]) -> list[list[OutRecord]]:
        found: list[list[OutRecord]] = [[] for _ in range(self.partitions)]
        for entity, value in events:
            key = entity.encode()
            number = partition_of(key, self.partitions)
            found[number].append(OutRecord(key, value, self._headers(number)))
        return found

    def _headers(self, partition: int) -> tuple[tuple[str, bytes], ...]:
        offset = self._offsets.get(partition, 0)
        self._offsets[partition] = offset + 1
        origin = Origin(_TOPIC_ID, partition, offset).encode()
        return ((HEADER, origin), (TIME_HEADER, b"%d" % self.appended_at))


def _life(user: int, amounts: list[float]) -> Iterator[tuple[str, bytes]]:
    entity = user_id(user)
    yield _written(entity, "registration", OPENED, "r", f'"postcode":{10_000 + user % 80_000}')
    for number, (kind, amount) in enumerate(zip(_LIFE, amounts, strict=True)):
        yield _event(user, kind, OPENED + number * MINUTE, f"{number}", 100 * amount)


def _event(user: int, kind: str, at: int, number: str, amount: float) -> tuple[str, bytes]:
    return _written(user_id(user), kind, at, number, f'"{_FIELDS[kind]}":{amount!r}')


def _written(entity: str, kind: str, at: int, number: str, fields: str) -> tuple[str, bytes]:
    return (
        entity,
        f'{{"user_id":"{entity}","event_type":"{kind}","event_time":"{format_time(at)}",'
        f'"event_id":"{entity}-{number}",{fields},"schema_version":1}}'.encode(),
    )
