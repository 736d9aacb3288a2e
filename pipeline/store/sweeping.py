"""Removes what is left of generations that are neither live nor being built, a page at a time.

Such keys stay when a marker was lost and a worker began anew, and when a rebuild took over or was
killed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from redis.asyncio import RedisCluster

from pipeline.errors import InfrastructureError
from pipeline.keys import BUILDING, LEASE, Keys
from pipeline.store.client import Client, translated
from pipeline.store.store import Script

_PAGE = 1_000


class Generations(NamedTuple):
    """The live one and the one that is being built; empty where there is none."""

    live: str
    building: str


class Sweeper:
    """Sweeps the entities of one stage."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._building = replace(keys, progress=BUILDING)
        self._lease = replace(keys, progress=LEASE)
        self._current = Script("generations.lua")
        self._unlink = Script("sweep.lua")

    def sweep(self, partitions: Iterable[int]) -> Sweep:
        """One pass over the keys of these partitions, which is begun by its first step."""
        return Sweep(self, partitions)

    async def generations(self, partition: int) -> Generations:
        """Those that stay. Forgets a building that nobody has gone on with for the lease's time."""
        keys = [*self._markers(partition), self._lease.marker(partition)]
        answer = await self._current(self._client, partition, keys, ())
        return Generations(*(name.decode() for name in answer))

    async def unlink(self, partition: int, believed: Generations, keys: Sequence[bytes]) -> bool:
        """Remove keys of other generations; False, and none is, where others are `believed`."""
        every = [*self._markers(partition), *keys]
        return bool(await self._unlink(self._client, partition, every, believed))

    async def pages(self) -> AsyncIterator[dict[int, dict[str, list[bytes]]]]:
        """The keys of entities, by partition and generation; a page costs Redis a moment."""
        async for page in _pages(self._client, self._keys.all_entities):
            placed: dict[int, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
            for key in page:
                place = self._keys.place_of(key.decode(errors="replace"))
                if place is not None:
                    placed[place[0]][place[1]].append(key)
            yield placed

    def _markers(self, partition: int) -> list[str | bytes]:
        return [self._keys.marker(partition), self._building.marker(partition)]


class Sweep:
    """One pass; `removed` counts keys. All calls raise InfrastructureError."""

    def __init__(self, sweeper: Sweeper, partitions: Iterable[int]) -> None:
        self.partitions = frozenset(partitions)
        self.removed = 0
        self._sweeper = sweeper
        self._stay: dict[int, Generations] = {}
        self._pages: AsyncIterator[dict[int, dict[str, list[bytes]]]] | None = None

    async def step(self) -> bool:
        """Look at the next page, and remove what has to go; False at the end."""
        if self._pages is None:
            self._stay = {one: await self._sweeper.generations(one) for one in self.partitions}
            self._pages = self._sweeper.pages()
        page = await anext(self._pages, None)
        for partition, generations in (page or {}).items():
            await self._sweep(partition, generations)
        return page is not None

    async def clean(self) -> set[int]:
        """After the last step: the partitions that hold the live generation and no other."""
        now = {one: await self._sweeper.generations(one) for one in self._stay}
        return {one for one, stay in self._stay.items() if now[one] == stay and not stay.building}

    async def _sweep(self, partition: int, generations: dict[str, list[bytes]]) -> None:
        stay = self._stay.get(partition)
        if stay is None:
            return
        others = [key for name, keys in generations.items() if name not in stay for key in keys]
        if not others:
            return
        if await self._sweeper.unlink(partition, stay, others):
            self.removed += len(others)
        else:
            del self._stay[partition]  # left to another pass


async def _pages(client: Client, match: str) -> AsyncIterator[list[bytes]]:
    """All keys that match, by one SCAN a page; in a cluster, of one node after the other."""
    cursors, keys = await _scan(client, match)
    yield keys
    if not isinstance(client, RedisCluster):
        cursor = cursors
        while cursor:
            cursor, keys = await _scan(client, match, cursor=cursor)
            yield keys
        return
    for name, first in cursors.items():
        cursor = first
        while cursor:
            node = client.get_node(node_name=name)
            if node is None:
                raise InfrastructureError(f"Redis, looking at all keys: the node {name} is gone")
            answers, keys = await _scan(client, match, cursor=cursor, target_nodes=node)
            cursor = answers[name]
            yield keys


async def _scan(client: Client, match: str, **options: Any) -> Any:
    with translated("looking at all keys"):
        return await client.scan(match=match, count=_PAGE, **options)
