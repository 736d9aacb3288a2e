"""A bare loop around confluent-kafka: a batch in, folded, written to Redis and Kafka, committed."""

from __future__ import annotations

import os
from typing import Any

import orjson
from confluent_kafka import (  # type: ignore[import-not-found] # only in .venv-peers
    Consumer,
    Producer,
)
from redis import Redis

from benchmarks.peers import FEATURES_KEY, Place, place
from benchmarks.peers.players import Player, Table, read_table, request

_BATCH = 5_000
_WAIT_SECONDS = 0.05


def work(told: Place) -> None:
    """Batch after batch, until the process is ended."""
    table, players = read_table(told.table), dict[str, Player]()
    redis = Redis.from_url(os.environ["PIPELINE_REDIS"])
    producer: Any = Producer(
        {"bootstrap.servers": told.kafka, "acks": "all", "enable.idempotence": True}
    )
    consumer: Any = Consumer(
        {
            "bootstrap.servers": told.kafka,
            "group.id": told.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([told.source])
    while True:
        messages = consumer.consume(_BATCH, _WAIT_SECONDS)
        if not messages:
            continue
        changed, requests = fold(messages, players, table)
        with redis.pipeline(transaction=False) as pipeline:
            for user in changed:
                pipeline.hset(FEATURES_KEY + user, mapping=players[user].hash())  # type: ignore[arg-type] # takes floats
            pipeline.execute()
        for key, value in requests:
            producer.produce(told.target, value, key)
        producer.flush()
        consumer.commit(asynchronous=False)


def fold(
    messages: list[Any], players: dict[str, Player], table: Table
) -> tuple[dict[str, None], list[tuple[str, bytes]]]:
    """Who changed, and what is to be scored. A message without a key is a control record."""
    changed: dict[str, None] = {}
    requests = []
    for message in messages:
        if message.key() is None:
            continue
        event = orjson.loads(message.value())
        user = event["user_id"]
        player = players.get(user)
        if player is None:
            player = players[user] = Player()
        changed[user] = None
        if player.apply(event, table):
            requests.append((user, orjson.dumps(request(player, event))))
    return changed, requests


if __name__ == "__main__":
    work(place())
