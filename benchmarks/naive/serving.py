"""Scores by a loop that calls scikit-learn, and awaits Redis and the producer, for each record.

`python -m benchmarks.naive.serving MODEL`
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from benchmarks.naive import SCORES_KEY
from pipeline.settings import Settings, read_settings


async def serve(settings: Settings, model: Any) -> None:
    """Score record after record, until the process is ended."""
    bootstrap = settings.kafka.bootstrap
    redis: Any = Redis.from_url(settings.redis.url)
    consumer = AIOKafkaConsumer(
        "naive-serving-features",
        bootstrap_servers=bootstrap,
        group_id=f"naive-serving-{settings.instance}",
        auto_offset_reset="earliest",
    )
    async with consumer, AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        async for record in consumer:
            score = scored(model, json.loads(record.value))
            await redis.hset(f"{SCORES_KEY}{score['user_id']}", mapping=latest(score))
            value = json.dumps(score).encode()
            await producer.send_and_wait("naive-inferences", value, key=record.key)


def scored(model: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The request with its score."""
    row = [list(request["features"].values())]
    probability = float(model.predict_proba(row)[0][1])
    return {
        **request,
        "scored_at": datetime.now(UTC).isoformat(),
        "probability": probability,
        "decision": "churn" if probability >= 0.5 else "no churn",  # noqa: PLR2004 - the threshold
    }


def latest(score: dict[str, Any]) -> dict[str, str | float]:
    """What is kept as the user's latest score."""
    return {name: score[name] for name in ("probability", "decision", "event_time", "scored_at")}


if __name__ == "__main__":
    original = pickle.loads(Path(sys.argv[1]).read_bytes())  # of our own making, a moment ago
    asyncio.run(serve(read_settings(os.environ), original))
