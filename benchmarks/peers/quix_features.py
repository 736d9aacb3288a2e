"""A Quix Streams application, set up as usual: state in RocksDB, hashes by a batching sink."""

from __future__ import annotations

import os
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found] # only in .venv-peers
from quixstreams.sinks import BatchingSink  # type: ignore[import-not-found] # only in .venv-peers
from redis import Redis

from benchmarks.peers import FEATURES_KEY, Place, place
from benchmarks.peers.players import Player, Table, read_table, request


class Hashes(BatchingSink):  # type: ignore[misc] # untyped here
    """Writes the last hash of each player when the framework commits."""

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._redis = redis

    def write(self, batch: Any) -> None:
        """One pipeline for a batch."""
        last = {item.key: item.value["hash"] for item in batch}
        with self._redis.pipeline(transaction=False) as pipeline:
            for user, fields in last.items():
                pipeline.hset(FEATURES_KEY + user, mapping=fields)
            pipeline.execute()


def run(told: Place) -> None:
    """Until the process is told to end."""
    table = read_table(told.table)
    app: Any = Application(
        broker_address=told.kafka,
        consumer_group=told.group,
        auto_offset_reset="earliest",
        state_dir=told.directory,
        loglevel="WARNING",
    )
    source = app.topic(told.source, key_deserializer="str", value_deserializer="json")
    target = app.topic(told.target, key_serializer="str", value_serializer="json")
    events = app.dataframe(source).filter(lambda value: "event_type" in value)
    folded = events.apply(lambda event, state: fold(event, state, table), stateful=True)
    folded.filter(lambda one: one["request"] is not None).apply(
        lambda one: one["request"]
    ).to_topic(target)
    folded.sink(Hashes(Redis.from_url(os.environ["PIPELINE_REDIS"])))
    app.run()


def fold(event: dict[str, Any], state: Any, table: Table) -> dict[str, Any]:
    """The player's hash, and what is to be scored, if anything."""
    known = state.get("player")
    player = Player() if known is None else Player.of(known)
    asked = player.apply(event, table)
    fields = player.hash()
    state.set("player", fields)
    return {"hash": fields, "request": request(player, event) if asked else None}


if __name__ == "__main__":
    run(place())
