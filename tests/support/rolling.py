"""A case of rolling windows, its events, and what they come to by pandas, in two passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from pipeline.declaration import Aggregation, EventType, Integer, Number, Text, UseCase
from pipeline.events import Event
from pipeline.fold import Fold
from pipeline.state import EntityState
from pipeline.times import HOUR, MINUTE
from pipeline.windows import Rolling
from tests.support.events import NOON

HOURS = (0.5, 1, 24, 168)
LABELS = ("30m", "1h", "24h", "7d")
TOLD = ("sum", "mean", "count", "var", "min", "max", "last")
CASE = UseCase(
    name="rolling",
    entity="user_id",
    events=(
        EventType(
            "bet",
            fields=(
                Number(name="stake", required=True),
                Integer(name="game", required=True),
                Text(name="device", required=True),
            ),
        ),
        EventType("win", fields=(Number(name="prize", required=True),)),
    ),
    lookups=(),
    aggregations=(
        Aggregation("bet", "bet", "stake", Rolling(HOURS), TOLD),
        Aggregation("games", "bet", "game", Rolling(HOURS), ("distinct",)),
        Aggregation("devices", "bet", "device", Rolling(24), ("distinct",)),
        Aggregation("win", "win", "prize", Rolling(24)),
    ),
    scored_on=("bet",),
    model=None,
    outcome="",
    fold_version=1,
    remembered_ids=8,
)
FOLD = Fold(CASE)


def bet(at: int, stake: float = 1.0, game: int = 1, event_id: str | None = None) -> Event:
    """On one of two devices, by the game."""
    device = "phone" if game % 2 else "tablet"
    return Event("u", "bet", at, "", event_id, {"stake": stake, "game": game, "device": device})


def win(at: int, prize: float = 1.0, event_id: str | None = None) -> Event:
    return Event("u", "win", at, "", event_id, {"prize": prize})


def folded(log: Sequence[Event], state: EntityState | None = None) -> EntityState:
    state = FOLD.empty() if state is None else state
    for event in log:
        FOLD.apply(state, event, {})
    return state


steps = st.one_of(
    st.integers(-20 * MINUTE, 40 * MINUTE),
    st.sampled_from([0, 1, -1, 5 * MINUTE, -5 * MINUTE, 2 * HOUR, 14 * HOUR]),
    st.integers(-200 * HOUR, 300 * HOUR),
)
amounts = st.integers(0, 10**6).map(float) | st.integers(0, 10**15).map(lambda n: n / 1e6)


@st.composite
def logs(draw: st.DrawFn, most: int = 40) -> list[Event]:
    """Events of one entity, which go on in time, and back, a little and a lot."""
    at, log = NOON, list[Event]()
    for step in draw(st.lists(steps, max_size=most)):
        at += step
        name = draw(st.none() | st.sampled_from([f"e{n}" for n in range(12)]))
        if draw(st.booleans()):
            log.append(bet(at, draw(amounts), draw(st.integers(0, 50)), name))
        else:
            log.append(win(at, draw(amounts), name))
    return log


def by_pandas(log: Sequence[Event], as_of: int) -> dict[str, float]:
    """The features as of `as_of`, out of the events whose tile is in the window."""
    frame = pd.DataFrame(
        {
            "kind": [event.event_type for event in log],
            "at": [event.at for event in log],
            "value": [_amount(event) for event in log],
            "game": [_fields(event).get("game", 0) for event in log],
        }
    )
    bets, wins = frame[frame["kind"] == "bet"], frame[frame["kind"] == "win"]
    found: dict[str, float] = {}
    for hours, label in zip(HOURS, LABELS, strict=True):
        taken = _in_window(bets, hours, as_of)
        told = _told(taken)
        found |= {f"bet_{label}_{name}": told[name] for name in TOLD}
    for hours, label in zip(HOURS, LABELS, strict=True):
        taken = _in_window(bets, hours, as_of)
        found[f"games_{label}_distinct"] = min(taken["game"].nunique(), 32)
    found["devices_24h_distinct"] = (_in_window(bets, 24, as_of)["game"] % 2).nunique()
    told = _told(_in_window(wins, 24, as_of))
    return found | {f"win_24h_{name}": told[name] for name in ("sum", "mean", "count", "var")}


def without_duplicates(log: Sequence[Event]) -> list[Event]:
    """By the contract's words: an id among the last different ones is dropped."""
    kept, ids = list[Event](), list[str]()
    for event in log:
        if event.event_id is None or event.event_id not in ids[-CASE.remembered_ids :]:
            kept.append(event)
            ids += [] if event.event_id is None else [event.event_id]
    return kept


def _amount(event: Event) -> float:
    return float(_fields(event)["stake" if event.event_type == "bet" else "prize"])


def _fields(event: Event) -> Mapping[str, Any]:
    return event.values  # noqa: PD011 - an event's, no frame's


def _in_window(events: pd.DataFrame, hours: float, as_of: int) -> pd.DataFrame:
    width = round(hours * HOUR / 12)
    tile, last = events["at"] // width, as_of // width
    return events[(tile > last - 12) & (tile <= last)]


def _told(taken: pd.DataFrame) -> dict[str, Any]:
    values = taken["value"]
    if values.empty:
        return dict.fromkeys(TOLD, 0.0)
    mean = values.sum() / len(values)
    newest = taken.sort_values("at", kind="stable")["value"].iloc[-1]
    return {
        "sum": values.sum(),
        "mean": mean,
        "count": len(values),
        "var": ((values - mean) ** 2).sum() / (len(values) - 1) if len(values) > 1 else 0.0,
        "min": values.min(),
        "max": values.max(),
        "last": newest,
    }
