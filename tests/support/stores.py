"""A Redis that a test can throw back, spoil or empty: the fake, one server, or a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Protocol

from pipeline.errors import InfrastructureError
from pipeline.keys import FEATURES, Keys
from pipeline.marker import Marker
from pipeline.ports import EntityStore
from pipeline.settings import RedisSettings
from pipeline.state import StateCodec
from pipeline.store.client import connect
from pipeline.store.store import Conflict, Snapshot, Store, Values
from tests.support.fakes import Entity, FakeStore
from use_cases.first_day_churn import USE_CASE

KEYS = Keys(USE_CASE.name, FEATURES)
FIELDS = StateCodec(USE_CASE).fields

Copy = Any
"""All that a server held at a moment; each kind of server has its own."""


class Server(Protocol):
    """What a test does to a Redis behind the stage's back."""

    @property
    def store(self) -> EntityStore: ...

    async def entities(self) -> dict[Entity, list[bytes]]: ...

    async def put_marker(self, partition: int, marker: Marker) -> None: ...

    async def spoil(self, entity: Entity) -> None:
        """Put something that is no hash in an entity's place."""
        ...

    async def copy(self) -> Copy: ...

    async def go_back(self, copy: Copy) -> None: ...

    async def clear(self) -> None: ...

    async def forget_scripts(self) -> None: ...

    async def close(self) -> None: ...


class FakeServer:
    """The fake store."""

    def __init__(self) -> None:
        self.store = FakeStore()

    async def entities(self) -> dict[Entity, list[bytes]]:
        return dict(self.store.entities)

    async def put_marker(self, partition: int, marker: Marker) -> None:
        self.store.markers[partition] = marker.encode()

    async def spoil(self, entity: Entity) -> None:
        self.store.spoilt.add(entity)

    async def copy(self) -> Copy:
        return deepcopy((self.store.markers, self.store.entities))

    async def go_back(self, copy: Copy) -> None:
        self.store.markers, self.store.entities = deepcopy(copy)

    async def clear(self) -> None:
        self.store.markers.clear()
        self.store.entities.clear()

    async def forget_scripts(self) -> None:
        pass

    async def close(self) -> None:
        pass


class RedisServer:
    """A real Redis, or a cluster; the test has it to itself."""

    def __init__(self, settings: RedisSettings) -> None:
        self.client: Any = connect(settings)
        self.store = Store(connect(settings), KEYS, FIELDS)

    async def entities(self) -> dict[Entity, list[bytes]]:
        found = {}
        async for key in self.client.scan_iter(match=f"{USE_CASE.name}:{FEATURES}:*"):
            partition, generation, entity = key.decode().split(":", 4)[2:]
            there = [one for one in await self.client.hmget(key, FIELDS) if one is not None]
            found[(int(partition.strip("{}")), generation, entity)] = there
        return found

    async def put_marker(self, partition: int, marker: Marker) -> None:
        await self.client.hset(KEYS.marker(partition), mapping=marker.encode())

    async def spoil(self, entity: Entity) -> None:
        await self.client.delete(KEYS.entity(*entity))
        await self.client.set(KEYS.entity(*entity), "no hash")

    async def copy(self) -> Copy:
        return {key: await self.client.dump(key) async for key in self.client.scan_iter()}

    async def go_back(self, copy: Copy) -> None:
        await self.clear()
        for key, dump in copy.items():
            await self.client.restore(key, 0, dump)

    async def clear(self) -> None:
        await self.client.flushall()

    async def forget_scripts(self) -> None:
        await self.client.script_flush()

    async def close(self) -> None:
        await self.store.close()
        await self.client.aclose()


class LosesAnswers:
    """A store of which `losses` names the writes that are done and never answered."""

    def __init__(self, store: EntityStore, *losses: int) -> None:
        self._store = store
        self._losses = losses
        self.writes = 0
        self.entities_written: list[int] = []

    async def marker(self, partition: int) -> Marker | None:
        return await self._store.marker(partition)

    async def read(self, partition: int, generation: str, entities: Sequence[str]) -> Snapshot:
        return await self._store.read(partition, generation, entities)

    async def write(
        self, partition: int, believed: Marker | None, new: Marker, entities: Mapping[str, Values]
    ) -> Conflict | None:
        self.writes += 1
        self.entities_written.append(len(entities))
        answer = await self._store.write(partition, believed, new, entities)
        if self.writes in self._losses:
            raise InfrastructureError("no answer came")
        return answer

    async def close(self) -> None:
        await self._store.close()


def of_generation(marker: Marker, generation: str) -> Marker:
    """The same progress under another generation."""
    return replace(marker, generation=generation)
