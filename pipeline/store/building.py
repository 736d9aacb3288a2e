"""A new generation of a partition's state: built beside the live one, then put in its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pipeline.errors import Fatal, Refusal
from pipeline.keys import BUILDING, LEASE, Keys
from pipeline.marker import BEFORE_FIRST, Marker
from pipeline.store.client import Client, translated
from pipeline.store.store import MOST_ENTITIES, Conflict, Script, Store, Values, marker_of
from pipeline.store.sweeping import Sweeper

_LEASE_SECONDS = 24 * 3600
"""How long a builder may write nothing; one that was killed leaves its work behind for as long."""


class Building:
    """Builds generations of one stage's state. The live state is as it was until `switch`.

    `live` has the live marker, `aside` the one of what is being built; both read any generation.
    """

    def __init__(self, client: Client, keys: Keys, fields: Iterable[str]) -> None:
        fields = tuple(fields)
        self._client = client
        self._keys = keys
        self._aside = replace(keys, progress=BUILDING)
        self.live = Store(client, keys, fields)
        self.aside = Store(client, self._aside, fields)
        self._switch = Script("switch.lua")
        self._lease = replace(keys, progress=LEASE)
        self._sweeper = Sweeper(client, keys)

    async def write(
        self, partition: int, marker: Marker, entities: Iterable[tuple[str, Values]]
    ) -> int:
        """Write entities under the marker's generation; returns how many there were.

        Whatever an earlier rebuild has left half done is left to `sweep`. Raises Refusal where
        another rebuild of the partition is at work.
        """
        believed = await self.aside.marker(partition)
        count, part = 0, dict[str, Values]()
        for entity, values in entities:
            part[entity] = values
            if len(part) == MOST_ENTITIES:
                believed = await self.add(partition, believed, marker, part)
                count, part = count + len(part), {}
        await self.add(partition, believed, marker, part)
        return count + len(part)

    async def add(
        self, partition: int, believed: Marker | None, new: Marker, part: Mapping[str, Values]
    ) -> Marker:
        """Write some more to what was built up to `believed`, which then goes up to `new`.

        Returns `new`. Raises Refusal where another rebuild of the partition is at work.
        """
        await self.hold(partition)
        if await self.aside.write(partition, believed, new, part) is not None:
            raise _overtaken(partition)
        return new

    async def switch(
        self, partition: int, expected: Marker | None, built: Marker
    ) -> Conflict | None:
        """Make what was built under `built` live, if the live marker is still of `expected`.

        The live marker may have moved on, but not back. Raises Refusal where another rebuild of
        the partition has begun since.
        """
        least = min(built.offset, expected.offset) if expected else BEFORE_FIRST
        answer = await self._switch(
            self._client,
            partition,
            [self._keys.marker(partition), self._aside.marker(partition)],
            [
                *((expected.generation, expected.topic_id) if expected else ("", "")),
                least,
                built.generation,
            ],
        )
        match answer[0]:
            case b"ok":
                return None
            case b"conflict":
                return Conflict(marker_of(answer[1:]))
            case b"overtaken":
                raise _overtaken(partition)
        raise Fatal(f"partition {partition} is suspect: the key {answer[1]!r} is not a hash")

    async def sweep(self, partitions: Collection[int]) -> int:
        """Remove what is neither live nor being built of these partitions; returns how many keys.

        Looks at every key of Redis once. What changes meanwhile is left for the next time.
        """
        sweep = self._sweeper.sweep(partitions)
        while await sweep.step():
            pass
        return sweep.removed

    async def hold(self, partition: int) -> None:
        """Keep what is being built from being swept for another day."""
        with translated("holding what is being built"):
            await self._client.set(self._lease.marker(partition), "", ex=_LEASE_SECONDS)


def _overtaken(partition: int) -> Refusal:
    return Refusal(
        f"another rebuild of partition {partition} is at work",
        "Wait until it has ended, or end it, and run `pipeline rebuild` again",
    )
