"""Features by a Faust agent that awaits Redis, and `topic.send`, for each event.

`python -m benchmarks.naive.features LOOKUP_TABLE worker --without-web`
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import faust
from redis.asyncio import Redis

from benchmarks.naive import FEATURES_KEY
from pipeline.settings import read_settings

_AMOUNTS = {"purchase": "amount", "bet": "bet_amount", "win": "win_amount"}
_FEATURES = (
    "socioeconomic_idx",
    *(f"{kind}_{name}" for kind in _AMOUNTS for name in ("sum", "mean", "count", "var")),
)
_DAY = timedelta(hours=24)

settings = read_settings(os.environ)
table: dict[int, float] = {}
redis: Any = Redis.from_url(settings.redis.url, decode_responses=True)
app = faust.App(
    f"naive-features-{settings.instance}",
    broker=f"kafka://{settings.kafka.bootstrap}",
    topic_partitions=settings.partitions,
    topic_disable_leader=True,
)
incoming = app.topic("naive-incoming-events", value_serializer="json")
requests = app.topic("naive-serving-features", value_serializer="json")


@app.agent(incoming)
async def features(events: Any) -> None:
    """Read the user's state, change it, write it back, and ask for a score."""
    async for event in events:
        user = event["user_id"]
        state = await redis.hgetall(FEATURES_KEY + user)
        changed = change(state, event)
        if changed:
            await redis.hset(FEATURES_KEY + user, mapping=changed)
        if changed and event["event_type"] in ("bet", "win"):
            await requests.send(key=user, value=request({**state, **changed}, event))


def change(state: Mapping[str, str], event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the state that the event changes."""
    kind = event["event_type"]
    if kind == "registration":
        return {"socioeconomic_idx": table.get(event["postcode"], 0.0)}
    opened = state.get("first_purchase")
    if opened is None and kind == "purchase":
        opened = event["event_time"]
    if opened is None:
        return {}
    since = datetime.fromisoformat(event["event_time"]) - datetime.fromisoformat(opened)
    if not timedelta() <= since <= _DAY:
        return {}
    return {"first_purchase": opened, **moments(state, kind, event[_AMOUNTS[kind]])}


def moments(state: Mapping[str, str], kind: str, value: float) -> dict[str, float]:
    """Count, sum, mean and variance with one more value (Welford)."""
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


def request(state: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be scored."""
    return {
        "user_id": event["user_id"],
        "event_type": event["event_type"],
        "event_time": event["event_time"],
        "features": {name: float(state.get(name, 0.0)) for name in _FEATURES},
    }


def read_table(path: Path) -> dict[int, float]:
    """The index of each postcode."""
    with path.open(newline="") as file:
        return {
            int(row["postcode"]): float(row["socioeconomic_idx"]) for row in csv.DictReader(file)
        }


if __name__ == "__main__":
    table.update(read_table(Path(sys.argv.pop(1))))
    app.main()
