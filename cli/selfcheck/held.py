"""What Redis holds of a stage with a marker: the markers, and all entities' hashes. Blocks."""

from __future__ import annotations

import asyncio
import os.path
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from pipeline.keys import Keys
from pipeline.marker import Marker
from pipeline.settings import Settings
from pipeline.store.client import Client, connect, translated
from pipeline.store.store import Store

Entity = tuple[int, str]
"""An entity on its partition; one that is on two partitions is two."""

Hash = Mapping[bytes, bytes]

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """One stage's state: every partition's marker, and the hashes of the generations in force."""

    markers: Mapping[int, Marker]
    entities: Mapping[Entity, Hash]


def read_held(settings: Settings, kind: str) -> Held:
    """Read all of `kind`. Raises InfrastructureError, and Fatal for what is none of ours."""
    return asyncio.run(_read(settings, Keys(settings.use_case, kind)))


async def _read(settings: Settings, keys: Keys) -> Held:
    client = connect(settings.redis)
    try:
        store = Store(client, keys, ())
        found = {number: await store.marker(number) for number in range(settings.partitions)}
        markers = {number: marker for number, marker in found.items() if marker is not None}
        with translated("reading all entities"):
            entities = await _entities(client, keys, markers)
    finally:
        await client.aclose()
    return Held(markers, entities)


async def _entities(
    client: Client, keys: Keys, markers: Mapping[int, Marker]
) -> dict[Entity, Hash]:
    prefixes = {
        keys.prefix(number, marker.generation): number for number, marker in markers.items()
    }
    names = await _names(client, prefixes)
    hashes = [one for chunk in _chunks([*names]) for one in await _hashes(client, chunk)]
    return dict(zip(names.values(), hashes, strict=True))


async def _names(client: Client, prefixes: Mapping[str, int]) -> dict[str, Entity]:
    """Every key that begins with one of the prefixes, and the entity it is about."""
    names: dict[str, Entity] = {}
    if not prefixes:
        return names
    common = os.path.commonprefix([*prefixes])  # noqa: RUF071 - keys are no paths
    async for raw in client.scan_iter(match=f"{common}*", count=_AT_ONCE):
        key = raw.decode()
        for prefix, partition in prefixes.items():
            if key.startswith(prefix):
                names[key] = (partition, key[len(prefix) :])
    return names


async def _hashes(client: Client, keys: Sequence[str]) -> list[Hash]:
    pipeline: Any = client.pipeline(transaction=False)
    for key in keys:
        pipeline.hgetall(key)
    hashes: list[Hash] = await pipeline.execute()
    return hashes


def _chunks(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)]


def differences(wanted: Mapping[Entity, Hash], held: Held) -> list[str]:
    """One line for each entity whose hash is not, byte for byte, the wanted one."""
    wrong = [*absent_or_extra(wanted.keys(), held)]
    for entity, expected in wanted.items():
        found = held.entities.get(entity, expected)
        if found != expected:
            field = min(
                name for name in {*found, *expected} if found.get(name) != expected.get(name)
            )
            wrong.append(
                f"{called(entity)}: {field.decode()} is {found.get(field)!r}, "
                f"not {expected.get(field)!r}"
            )
    return wrong


def absent_or_extra(wanted: AbstractSet[Entity], held: Held) -> Iterator[str]:
    """One line for each entity that Redis lacks, or has without a reason in the log."""
    found = held.entities.keys()
    yield from (f"{called(entity)} is not in Redis" for entity in sorted(wanted - found))
    yield from (f"{called(entity)} is in Redis only" for entity in sorted(found - wanted))


def called(entity: Entity) -> str:
    """An entity in words."""
    return f"{entity[1]} on partition {entity[0]}"
