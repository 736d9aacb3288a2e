"""Features by a Faust agent that awaits Redis, and `topic.send`, for each event.

`python -m benchmarks.naive.features LOOKUP_TABLE worker --without-web`
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from typing import Any

import faust
from redis.asyncio import Redis

from benchmarks.naive import FEATURES_KEY
from benchmarks.naive.state import change, request
from pipeline.settings import read_settings

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
    """Read the user's state, write what changes of it, and ask for a score."""
    async for event in events:
        key = FEATURES_KEY + event["user_id"]
        state = await redis.hgetall(key)
        changed = change(state, event, table)
        if not changed:
            continue
        await redis.hset(key, mapping=changed)
        asked = request({**state, **changed}, event)
        if asked is not None:
            await requests.send(key=event["user_id"], value=asked)


def read_table(path: Path) -> dict[int, float]:
    """The index of each postcode."""
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {int(row["postcode"]): float(row["socioeconomic_idx"]) for row in rows}


if __name__ == "__main__":
    table.update(read_table(Path(sys.argv.pop(1))))
    app.main()
