"""What Redis holds of one entity: its features, and its latest score."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.showing import printable
from pipeline.declaration import UseCase
from pipeline.fold import Fold
from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.partitioner import partition_of
from pipeline.settings import Settings
from pipeline.state import StateCodec
from pipeline.store.client import Client, connect, translated
from pipeline.store.store import Store


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity as of the markers; `features` is None where no event of it was folded."""

    name: str
    partition: int
    features: Mapping[str, float | int] | None
    as_of: int | None
    score: Mapping[str, str]


def read_entity(settings: Settings, case: UseCase, name: str) -> Entity:
    """Look it up. Raises InfrastructureError. Blocks; needs no event loop."""
    return asyncio.run(_read(settings, case, name))


async def _read(settings: Settings, case: UseCase, name: str) -> Entity:
    client = connect(settings.redis)
    partition = partition_of(name.encode(), settings.partitions)
    try:
        features, as_of = await _features(client, case, partition, name)
        score = await _score(client, case, partition, name)
    finally:
        await client.aclose()
    return Entity(name, partition, features, as_of, score)


async def _features(
    client: Client, case: UseCase, partition: int, name: str
) -> tuple[Mapping[str, float | int] | None, int | None]:
    codec = StateCodec(case)
    store = Store(client, Keys(case.name, FEATURES), codec.fields)
    marker = await store.marker(partition)
    if marker is None:
        return None, None
    snapshot = await store.read(partition, marker.generation, [name])
    state = codec.decode(snapshot.values[0])
    if state is None:
        return None, None
    as_of = state.newest or 0
    return Fold(case).features(state, as_of), state.newest


async def _score(client: Client, case: UseCase, partition: int, name: str) -> dict[str, str]:
    keys = Keys(case.name, SCORES)
    marker = await Store(client, keys, ()).marker(partition)
    if marker is None:
        return {}
    with translated("reading a score"):
        found: Any = await client.hgetall(keys.entity(partition, marker.generation, name))
    return {printable(field): printable(value) for field, value in found.items()}
