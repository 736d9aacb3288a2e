"""Players in memory and what events do to them: the features of first-day churn. Pure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_AMOUNTS = {"purchase": "amount", "bet": "bet_amount", "win": "win_amount"}
_SCORED = ("bet", "win")
_NOTHING = timedelta()
_DAY = timedelta(hours=24)

Table = Mapping[int, float]
"""The index of each postcode."""


class Moments:
    """Sum, mean, count and variance of one kind of event (Welford)."""

    __slots__ = ("count", "m2", "mean", "sum")

    def __init__(self) -> None:
        self.sum = self.mean = self.m2 = 0.0
        self.count = 0

    def add(self, value: float) -> None:
        """Take in one more value."""
        self.count += 1
        self.sum += value
        before = value - self.mean
        self.mean += before / self.count
        self.m2 += before * (value - self.mean)

    @property
    def var(self) -> float:
        """The sample variance."""
        return self.m2 / (self.count - 1) if self.count > 1 else 0.0


class Player:
    """What is known of one player."""

    __slots__ = ("index", "moments", "opened")

    def __init__(self) -> None:
        self.index = 0.0
        self.opened: datetime | None = None
        self.moments = {kind: Moments() for kind in _AMOUNTS}

    def apply(self, event: Mapping[str, Any], table: Table) -> bool:
        """Take in an event; whether it asks for a score."""
        kind = event["event_type"]
        if kind == "registration":
            self.index = table.get(event["postcode"], 0.0)
            return False
        at = datetime.fromisoformat(event["event_time"])
        if self.opened is None and kind == "purchase":
            self.opened = at
        if self.opened is None or not _NOTHING <= at - self.opened <= _DAY:
            return False
        self.moments[kind].add(event[_AMOUNTS[kind]])
        return kind in _SCORED

    def features(self) -> dict[str, float]:
        """The 13 features by name."""
        found = {"socioeconomic_idx": self.index}
        for kind, one in self.moments.items():
            found[f"{kind}_sum"] = one.sum
            found[f"{kind}_mean"] = one.mean
            found[f"{kind}_count"] = one.count
            found[f"{kind}_var"] = one.var
        return found

    def hash(self) -> dict[str, float | str]:
        """The fields of its Redis hash: the features, and what it takes to go on."""
        rest = {f"{kind}_m2": one.m2 for kind, one in self.moments.items()}
        opened = "" if self.opened is None else self.opened.isoformat()
        return {**self.features(), **rest, "first_purchase": opened}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Player:
        """The player of such fields."""
        player = cls()
        player.index = fields["socioeconomic_idx"]
        opened = fields["first_purchase"]
        player.opened = datetime.fromisoformat(opened) if opened else None
        for kind, one in player.moments.items():
            one.sum, one.mean = fields[f"{kind}_sum"], fields[f"{kind}_mean"]
            one.count, one.m2 = fields[f"{kind}_count"], fields[f"{kind}_m2"]
        return player


def request(player: Player, event: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be scored after the event."""
    return {
        "user_id": event["user_id"],
        "event_type": event["event_type"],
        "event_time": event["event_time"],
        "features": player.features(),
    }


def read_table(path: str) -> dict[int, float]:
    """The index of each postcode."""
    with Path(path).open(newline="") as file:
        rows = csv.DictReader(file)
        return {int(row["postcode"]): float(row["socioeconomic_idx"]) for row in rows}
