"""The world behind player activity: ten days of sessions and silences, told not quite in order.

Pure and seeded. A player comes for a few sessions; three in ten stay away in the second half. Some
phones are offline and deliver hours later, a few after more than a week, too late for any window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.dice import Column, Dice, Flags
from pipeline.times import format_time
from pipeline.world import SourceRecord, WorldSize

_HOUR = 3_600  # the world counts in whole seconds
_DAY = 24 * _HOUR
_DAYS = 10
_IN_A_SESSION = 12  # events, about
_LEAVING = 0.30
_OFFLINE, _LOST = 0.03, 0.002  # of all events: delivered hours later, and more than a week
_WINNING = 0.20  # of what is no start of a session

SESSION, BET, WIN = range(3)
_NAMES = ("session", "bet", "win")
_DEVICES = ("phone", "tablet", "desktop")
_GAMES = 60
_CHUNK = 8_192  # events whose columns become Python values at once
_TAG, _EVENTS = range(2)  # a seed's independent streams of words


@dataclass(frozen=True, slots=True)
class Course:
    """One entry per event, player by player: when it happened and arrived, in seconds; what.

    `amount` is in hundredths; `detail` the game of a bet, and the device of a session.
    """

    time: Column
    arrival: Column
    kind: Column
    amount: Column
    detail: Column


def _course(size: WorldSize) -> Course:
    dice, shape = Dice(size.seed, _EVENTS), (size.users, size.events + 1)
    end = size.end // 1_000_000
    session = _sessions(dice, shape)
    first = np.diff(session, axis=1, prepend=-1) > 0
    time = np.minimum(_times(dice, session, first, end), end)
    kind = np.where(first, SESSION, np.where(dice.chance(_WINNING, *shape), WIN, BET))
    amount = np.where(
        kind == WIN, dice.between(20, 30_000, *shape), dice.between(10, 5_000, *shape)
    )
    liked = dice.between(0, _GAMES - 1, *shape) * dice.between(0, _GAMES - 1, *shape) // _GAMES
    detail = np.where(kind == SESSION, liked % len(_DEVICES), liked)
    columns = (time, _arrivals(dice, time, end), kind, amount, detail)
    return Course(*(column.ravel() for column in columns))


def _sessions(dice: Dice, shape: tuple[int, int]) -> Column:
    """In which of a player's sessions each event falls, in order."""
    drawn = dice.between(0, shape[1] // _IN_A_SESSION, *shape)
    sessions: Column = np.sort(drawn, axis=1)
    return sessions


def _times(dice: Dice, session: Column, first: Flags, end: int) -> Column:
    users, _ = session.shape
    leaving = dice.chance(_LEAVING, users)[:, None]
    many = int(session.max(initial=0)) + 1
    start = np.sort(dice.between(0, _DAYS * _DAY - 3 * _HOUR, users, many), axis=1)
    start = np.where(leaving, start // 2, start) + end - _DAYS * _DAY
    passed = np.cumsum(dice.between(5, 100, *session.shape), axis=1)
    before = np.maximum.accumulate(np.where(first, passed, 0), axis=1)
    time: Column = np.take_along_axis(start, session, axis=1) + passed - before
    return time


def _arrivals(dice: Dice, time: Column, end: int) -> Column:
    """When each event reaches the source: mostly at once, at the world's end at the latest."""
    offline = dice.chance(_OFFLINE, *time.shape)
    lost = dice.chance(_LOST, *time.shape)
    late = np.where(offline, dice.between(60, 30 * _HOUR, *time.shape), 0)
    delay = np.where(lost, dice.between(7 * _DAY, 9 * _DAY, *time.shape), late)
    arrivals: Column = np.minimum(time + delay, np.maximum(end, time))
    return arrivals


class ActivityWorld:
    """Players and their events. Ids carry a tag of the seed, so that two worlds do not meet."""

    def __init__(self, size: WorldSize) -> None:
        self._size = size
        self._course = _course(size)
        self._order: Column = np.argsort(self._course.arrival, kind="stable")
        self._tag = f"{Dice(size.seed, _TAG).between(0, 2**32 - 1, 1)[0]:08x}"

    @property
    def total(self) -> int:
        """How many events it has."""
        return len(self._order)

    def events(self) -> Iterator[SourceRecord]:
        """All events in the order in which they arrive."""
        return self._stamped(lambda rows: _iso(self._course.time[rows]))

    def live(self, now: Callable[[], int]) -> Iterator[SourceRecord]:
        """The same, each stamped `now()`, in microseconds, when it is taken."""
        return self._stamped(lambda rows: (format_time(now()) for _ in rows))

    def lookups(self) -> Mapping[str, Iterable[tuple[int | str, float]]]:
        """None are declared."""
        return {}

    def _stamped(self, stamps: Callable[[Column], Iterable[str]]) -> Iterator[SourceRecord]:
        course = self._course
        for start in range(0, self.total, _CHUNK):
            rows = self._order[start : start + _CHUNK]
            users, numbers = np.divmod(rows, self._size.events + 1)
            columns = (users, numbers, course.kind[rows], course.amount[rows], course.detail[rows])
            lists = [column.tolist() for column in columns]
            for user, number, kind, amount, detail, stamp in zip(*lists, stamps(rows), strict=True):
                player = f"{self._tag}-{user}"
                yield SourceRecord(
                    player.encode(),
                    f'{{"player_id":"{player}","event_type":"{_NAMES[kind]}",'
                    f'"event_time":"{stamp}","event_id":"{player}-{number}",'
                    f"{_fields(kind, amount, detail)}}}".encode(),
                )


def _fields(kind: int, amount: int, detail: int) -> str:
    if kind == SESSION:
        return f'"device":"{_DEVICES[detail]}"'
    euros = f"{amount // 100}.{amount % 100:02}"
    return f'"stake":{euros},"game":{detail}' if kind == BET else f'"prize":{euros}'


def _iso(seconds: Column) -> list[str]:
    """Times as `YYYY-MM-DDTHH:MM:SSZ`."""
    texts: list[str] = np.datetime_as_string(
        seconds.astype("datetime64[s]"), timezone="UTC"
    ).tolist()
    return texts


def build(size: WorldSize) -> ActivityWorld:
    """The world of this size."""
    return ActivityWorld(size)
