"""The world behind first-day churn: players who register, buy, bet and win, and mostly leave.

Pure and seeded. 70 % of the players churn; they win less, and live at other postcodes. In a world
that drifts they win more from a moment on: they have been lucky, and go. One player in fifty has an
old client, which uses an event type's other names and plain UTC times.
Made in whole columns, so that a million events take a second; only JSON is made event by event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import orjson

from pipeline.dice import Column, Dice, Flags
from pipeline.times import EPOCH, format_time
from pipeline.world import SourceRecord, WorldSize
from use_cases.first_day_churn.people import people

_HOUR = 3_600  # the world counts in whole seconds
_CHURNING = 0.70
_OLD_CLIENT = 0.02
_RETURNING = 0.005  # at each event, of a player who stays
_REMAINING = 30 * _HOUR  # no one comes back later than this before the end
_EARLIEST, _LATEST = 96 * _HOUR, 48 * _HOUR  # of the registrations, before the end
_WINS, _CHURNER_WINS, _DRIFTED_WINS = 0.05, 0.01, 0.12  # of a player's events

REGISTRATION, PURCHASE, BET, WIN = range(4)
_FIELDS = ("", "amount", "bet_amount", "win_amount")
_MEANS = np.array([0, 50, 10, 200], dtype=np.int64)
_NAMES = (
    ("registration", "purchase", "bet", "win"),
    ("new_registration", "new_purchase", "new_bet", "new_win"),  # the old client, and the same
    ("new_registration", "new_purchases", "new_bet", "new_win"),  # client before that
)
_POSTCODES = np.arange(10_000, 99_999, dtype=np.int64)
_INDEX_FROM = np.array([3, 1, 5], dtype=np.int64)  # by the postcode's remainder; to 2 more
_CHUNK = 8_192  # events whose columns become Python values at once
_TAG, _PLAYERS, _EVENTS, _LOOKUP = range(4)  # a seed's independent streams of words


@dataclass(frozen=True, slots=True)
class Players:
    """One entry per player: what stays the same over all events."""

    churned: Flags
    wording: Column  # which client's names, see _NAMES
    postcode: Column
    born: Column  # days since the epoch
    name: Column
    place: Column
    campaign: Column
    affiliate: Column


@dataclass(frozen=True, slots=True)
class Course:
    """One entry per event, player by player, the registration first."""

    time: Column  # seconds since the epoch
    kind: Column
    amount: Column


def _players(size: WorldSize) -> Players:
    dice, n, pools = Dice(size.seed, _PLAYERS), size.users, people()
    churned = dice.chance(_CHURNING, n)
    today = size.end // 86_400_000_000
    return Players(
        churned=churned,
        wording=dice.chance(_OLD_CLIENT, n) * dice.between(1, 2, n),
        postcode=_postcodes(dice, churned),
        born=dice.between(today - 80 * 365, today - 19 * 365, n),
        name=dice.between(0, len(pools.names) - 1, n),
        place=dice.between(0, len(pools.places) - 1, n),
        campaign=dice.between(0, len(pools.campaigns) - 1, n),
        affiliate=dice.between(0, len(pools.affiliates) - 1, n),
    )


def _postcodes(dice: Dice, churned: Flags) -> Column:
    """3k or 3k+1 for who churned, 3k or 3k+2 for the others."""
    theirs = _POSTCODES[_POSTCODES % 3 != 2]  # noqa: PLR2004 - the remainder in the rule above
    others = _POSTCODES[_POSTCODES % 3 != 1]
    drawn: Column = np.where(
        churned,
        theirs[dice.between(0, len(theirs) - 1, len(churned))],
        others[dice.between(0, len(others) - 1, len(churned))],
    )
    return drawn


def _course(size: WorldSize, churned: Flags, drift: float | None) -> Course:
    """What happens to all players; from the share `drift` of their registrations on, as drifted."""
    usual = _steady(size, churned, _CHURNER_WINS)
    if drift is None:
        return usual
    drifted = _steady(size, churned, _DRIFTED_WINS)  # at the same times
    first = size.end // 1_000_000 - _EARLIEST
    late = usual.time >= first + drift * (_EARLIEST - _LATEST)
    return Course(
        time=usual.time,
        kind=np.where(late, drifted.kind, usual.kind),
        amount=np.where(late, drifted.amount, usual.amount),
    )


def _steady(size: WorldSize, churned: Flags, churner_wins: float) -> Course:
    dice, shape = Dice(size.seed, _EVENTS), (size.users, size.events)
    kind = np.full((size.users, size.events + 1), REGISTRATION, dtype=np.int64)
    kind[:, 1:] = _kinds(dice, churned, churner_wins, shape)
    mean = _MEANS[kind[:, 1:]]
    amount = np.zeros_like(kind)
    amount[:, 1:] = dice.between(mean * 6 // 10, mean * 14 // 10, *shape)
    time = _times(dice, churned, shape, size.end // 1_000_000)
    return Course(time=time.ravel(), kind=kind.ravel(), amount=amount.ravel())


def _kinds(dice: Dice, churned: Flags, churner_wins: float, shape: tuple[int, int]) -> Column:
    """Purchase with 0.10; win with 0.05 for who stays, and as given for who churns; else bet."""
    wins = dice.chance(np.where(churned, churner_wins, _WINS)[:, None] / 0.90, *shape)
    kinds: Column = np.where(dice.chance(0.10, *shape), PURCHASE, np.where(wins, WIN, BET))
    return kinds


def _times(dice: Dice, churned: Flags, shape: tuple[int, int], end: int) -> Column:
    users, events = shape
    gap = dice.between(5, 100, *shape)
    absence = dice.between(15 * _HOUR, 24 * _HOUR, *shape)
    returning = dice.chance(_RETURNING, *shape) & ~churned[:, None]
    time = np.empty((users, events + 1), dtype=np.int64)
    time[:, 0] = end - dice.between(_LATEST, _EARLIEST, users)
    for n in range(events):
        away = returning[:, n] & (end - time[:, n] >= _REMAINING)
        time[:, n + 1] = time[:, n] + np.where(away, absence[:, n], gap[:, n])
    return time


class FirstDayWorld:
    """Players and their events. Ids carry a tag of the seed, so that two worlds do not meet."""

    def __init__(self, size: WorldSize, drift: float | None = None) -> None:
        self._size = size
        self._players = _players(size)
        self._course = _course(size, self._players.churned, drift)
        self._order: Column = np.argsort(self._course.time, kind="stable")
        self._wording: list[int] = self._players.wording.tolist()
        self._tag = f"{Dice(size.seed, _TAG).between(0, 2**32 - 1, 1)[0]:08x}"

    @property
    def total(self) -> int:
        """How many events it has, registrations included."""
        return len(self._order)

    def events(self) -> Iterator[SourceRecord]:
        """All events in the order of their times."""
        return self._stamped(lambda rows: _iso(self._course.time[rows]))

    def live(self, now: Callable[[], int]) -> Iterator[SourceRecord]:
        """The same, each stamped `now()`, in microseconds, when it is taken."""
        return self._stamped(lambda rows: (format_time(now())[:-1] for _ in rows))

    def lookups(self) -> Mapping[str, Iterable[tuple[int | str, float]]]:
        """An index for every postcode: integers, since the rule speaks of limits included."""
        low = _INDEX_FROM[_POSTCODES % 3]
        index = Dice(self._size.seed, _LOOKUP).between(low, low + 2, len(low))
        return {"socioeconomic_idx": list(zip(_POSTCODES.tolist(), index.tolist(), strict=True))}

    def _stamped(self, stamps: Callable[[Column], Iterable[str]]) -> Iterator[SourceRecord]:
        for start in range(0, self.total, _CHUNK):
            rows = self._order[start : start + _CHUNK]
            users, numbers = np.divmod(rows, self._size.events + 1)
            columns = (users, numbers, self._course.kind[rows], self._course.amount[rows])
            lists = [column.tolist() for column in columns]
            for user, number, kind, amount, stamp in zip(*lists, stamps(rows), strict=True):
                yield self._event(user, number, kind, amount, stamp)

    def _event(self, user: int, number: int, kind: int, amount: int, stamp: str) -> SourceRecord:
        user_id, wording = f"{self._tag}-{user}", self._wording[user]
        time = stamp.replace("T", " ") if wording else stamp + "Z"
        details = f'"{_FIELDS[kind]}":{amount}' if kind else self._registration(user)
        return SourceRecord(
            user_id.encode(),
            f'{{"user_id":"{user_id}","event_type":"{_NAMES[wording][kind]}","event_time":"{time}",'
            f'"event_id":"{user_id}-{number}",{details}}}'.encode(),
        )

    def _registration(self, user: int) -> str:
        players, pools = self._players, people()
        street, city, country = pools.places[players.place[user]]
        fields = {
            "name": pools.names[players.name[user]],
            "date_of_birth": _day(int(players.born[user])).isoformat(),
            "street_address": street,
            "city": city,
            "country": country,
            "postcode": int(players.postcode[user]),
            "affiliate_url": pools.affiliates[players.affiliate[user]],
            "campaign": pools.campaigns[players.campaign[user]],
            "label": int(players.churned[user]),
        }
        return orjson.dumps(fields).decode()[1:-1]


def _iso(seconds: Column) -> list[str]:
    """Times as `YYYY-MM-DDTHH:MM:SS`."""
    texts: list[str] = np.datetime_as_string(seconds.astype("datetime64[s]")).tolist()
    return texts


def _day(number: int) -> date:
    return EPOCH.date() + timedelta(days=number)


def build(size: WorldSize) -> FirstDayWorld:
    """The world of this size."""
    return FirstDayWorld(size)


def drifting(share: float) -> Callable[[WorldSize], FirstDayWorld]:
    """What builds worlds in which churners win more from a moment on.

    It is when `share` of the time in which players register is over; until then such a world has
    the events of the usual one.
    """
    return lambda size: FirstDayWorld(size, share)
