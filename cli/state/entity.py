"""What Redis holds of one entity: its features, and its latest score."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cli.records.showing import printable
from pipeline.declaration import UseCase
from pipeline.features import FeatureCodec
from pipeline.keys import SCORES, Keys
from pipeline.partitioner import partition_of
from pipeline.settings import Settings
from pipeline.store.client import Client, connect, translated
from pipeline.store.states import StateReader
from pipeline.store.store import Store

AsOf = Callable[[int], int]
"""The moment to read an entity at, told its newest event's time; both in microseconds."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity by the markers; `features` is None where no event of it was folded.

    They are as of `as_of`; `newest` is the time of its newest event.
    """

    name: str
    partition: int
    features: Mapping[str, float | int] | None
    as_of: int | None
    newest: int | None
    score: Mapping[str, str]


def read_entity(settings: Settings, case: UseCase, name: str, as_of: AsOf) -> Entity:
    """Look it up. Raises InfrastructureError, and what `as_of` raises. Blocks; needs no loop."""
    return asyncio.run(_read(settings, case, name, as_of))


async def _read(settings: Settings, case: UseCase, name: str, as_of: AsOf) -> Entity:
    client = connect(settings.redis)
    partition = partition_of(name.encode(), settings.partitions)
    try:
        state = (await StateReader.on(client, case, settings.partitions).read([name])).get(name)
        score = await _score(client, case, partition, name)
    finally:
        await client.aclose()
    if state is None:
        return Entity(name, partition, None, None, None, score)
    at, newest = as_of(state.newest), state.newest or None
    return Entity(name, partition, FeatureCodec(case).features(state, at), at, newest, score)


async def _score(client: Client, case: UseCase, partition: int, name: str) -> dict[str, str]:
    keys = Keys(case.name, SCORES)
    marker = await Store(client, keys, ()).marker(partition)
    if marker is None:
        return {}
    with translated("reading a score"):
        found: Any = await client.hgetall(keys.entity(partition, marker.generation, name))
    return {printable(field): printable(value) for field, value in found.items()}
