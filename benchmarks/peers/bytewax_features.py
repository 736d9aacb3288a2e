"""A Bytewax dataflow: decode, fold by key, write Redis in batches, produce."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import bytewax.operators as op  # type: ignore[import-not-found] # only in .venv-peers
import orjson
from bytewax.connectors.kafka import (  # type: ignore[import-not-found] # only in .venv-peers
    KafkaSinkMessage,
    KafkaSource,
)
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found] # only in .venv-peers
from bytewax.run import cli_main  # type: ignore[import-not-found] # only in .venv-peers
from redis import Redis

from benchmarks.peers import FEATURES_KEY, Place, place
from benchmarks.peers.players import Player, Table, read_table, request

_BATCH = 5_000


class Fold(op.StatefulBatchLogic):  # type: ignore[misc] # untyped here
    """One player's state, kept by the framework."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._player = Player()

    def on_batch(self, values: list[dict[str, Any]]) -> tuple[Iterable[Any], bool]:
        """The player's hash, and what is to be scored; never to be discarded."""
        player, table = self._player, self._table
        requests = [
            orjson.dumps(request(player, event)) for event in values if player.apply(event, table)
        ]
        return [(player.hash(), requests)], False

    def snapshot(self) -> Any:
        """What a recovery would need; there is none here."""
        return self._player.hash()


def flow_of(told: Place) -> Any:
    """The dataflow."""
    table, redis = read_table(told.table), Redis.from_url(os.environ["PIPELINE_REDIS"])
    flow = Dataflow("peers_features")
    source = KafkaSource([told.kafka], [told.source], batch_size=_BATCH)
    events = op.flat_map_batch("decode", op.input("source", flow, source), decoded)
    folded = op.stateful_batch("fold", events, lambda _: Fold(table))

    def written(items: list[Any]) -> list[Any]:
        with redis.pipeline(transaction=False) as pipeline:
            for user, (fields, _) in items:
                pipeline.hset(FEATURES_KEY + user, mapping=fields)
            pipeline.execute()
        return [
            KafkaSinkMessage(user.encode(), value) for user, (_, each) in items for value in each
        ]

    requests = op.flat_map_batch("redis", folded, written)
    config = {"acks": "all", "enable.idempotence": "true"}
    kop.output("requests", requests, brokers=[told.kafka], topic=told.target, add_config=config)
    return flow


def decoded(messages: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """User and event; a message without a key is a control record."""
    events = (orjson.loads(one.value) for one in messages if one.key is not None)
    return [(event["user_id"], event) for event in events]


if __name__ == "__main__":
    cli_main(flow_of(place()))
