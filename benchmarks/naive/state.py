"""The naive features' state: one Redis hash per user, with the features under their names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

_AMOUNTS = {"purchase": "amount", "bet": "bet_amount", "win": "win_amount"}
_FEATURES = (
    "socioeconomic_idx",
    *(f"{kind}_{name}" for kind in _AMOUNTS for name in ("sum", "mean", "count", "var")),
)
_SCORED = ("bet", "win")
_DAY = timedelta(hours=24)

Table = Mapping[int, float]
"""The index of each postcode."""


def change(state: Mapping[str, str], event: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """The fields of the state that the event changes; none when it does not count."""
    kind, time = event["event_type"], event["event_time"]
    if kind == "registration":
        return {"socioeconomic_idx": table.get(event["postcode"], 0.0)}
    opened = state.get("first_purchase") or (time if kind == "purchase" else None)
    if opened is None:
        return {}
    since = datetime.fromisoformat(time) - datetime.fromisoformat(opened)
    if not timedelta() <= since <= _DAY:
        return {}
    return {"first_purchase": opened, **_moments(state, kind, event[_AMOUNTS[kind]])}


def request(state: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is to be scored after an event that counted; None for one that asks for no score."""
    if event["event_type"] not in _SCORED:
        return None
    return {
        "user_id": event["user_id"],
        "event_type": event["event_type"],
        "event_time": event["event_time"],
        "features": {name: float(state.get(name, 0.0)) for name in _FEATURES},
    }


def _moments(state: Mapping[str, str], kind: str, value: float) -> dict[str, float]:
    """Sum, mean, count and variance with one more value (Welford)."""
    count = int(state.get(f"{kind}_count", 0)) + 1
    mean = float(state.get(f"{kind}_mean", 0.0))
    before = value - mean
    mean += before / count
    m2 = float(state.get(f"{kind}_m2", 0.0)) + before * (value - mean)
    return {
        f"{kind}_sum": float(state.get(f"{kind}_sum", 0.0)) + value,
        f"{kind}_mean": mean,
        f"{kind}_count": count,
        f"{kind}_var": m2 / (count - 1) if count > 1 else 0.0,
        f"{kind}_m2": m2,
    }
