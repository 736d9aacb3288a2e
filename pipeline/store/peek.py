"""Looks at entities of many partitions at once: some of their fields, and which generation is live.

For whoever reads from outside the workers, and often; a worker reads by `pipeline.store.store`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, Protocol

import msgpack
from redis.asyncio import RedisCluster

from pipeline.errors import Fatal
from pipeline.keys import Keys
from pipeline.state import Raw
from pipeline.store.client import Client
from pipeline.store.store import Script

_MARKER = ("generation", "fingerprint", "partitions")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Entities of one partition, of a generation that is believed to be live."""

    generation: str
    entities: Sequence[str]


class Live(NamedTuple):
    """What a marker says of the state that is live: how to read it, and whether one can."""

    generation: str
    fingerprint: str
    partitions: int


class Seen(NamedTuple):
    """A partition's live state, None where there is no marker; the values of each entity."""

    live: Live | None
    values: Sequence[Sequence[Raw]]


Found = Mapping[int, Seen]


class Peek(Protocol):
    """Looks at one stage's entities."""

    async def read(self, wanted: Mapping[int, Wanted]) -> Found:
        """What is asked of each partition, the markers and the entities as of one moment."""
        ...


def peek_at(client: Client, keys: Keys, fields: Sequence[str]) -> Peek:
    """Looks at these fields, in this order; in a cluster each partition is asked for by itself."""
    whole = WholePeek(client, keys, fields)
    return ApartPeek(whole) if isinstance(client, RedisCluster) else whole


class WholePeek:
    """Asks for all partitions in one command: they have to be on one server."""

    def __init__(self, client: Client, keys: Keys, fields: Sequence[str]) -> None:
        self._client = client
        self._keys = keys
        self._names = [msgpack.packb(names) for names in (_MARKER, tuple(fields))]
        self._script = Script("peek.lua")

    async def read(self, wanted: Mapping[int, Wanted]) -> Found:
        """As `Peek` says. Raises InfrastructureError, and Fatal for a key that is no hash."""
        keys = [self._keys.marker(partition) for partition in wanted]
        for partition, one in wanted.items():
            prefix = self._keys.prefix(partition, one.generation)
            keys += [prefix + entity for entity in one.entities]
        arguments = (len(wanted), *self._names)
        packed = await self._script(self._client, next(iter(wanted)), keys, arguments)
        rows = iter(msgpack.unpackb(packed, raw=True))
        lives = [_live(row) for row in islice(rows, len(wanted))]
        return {
            partition: Seen(live, [_values(row) for row in islice(rows, len(one.entities))])
            for live, (partition, one) in zip(lives, wanted.items(), strict=True)
        }


class ApartPeek:
    """Asks for each partition in a command of its own, all at once."""

    def __init__(self, peek: Peek) -> None:
        self._peek = peek

    async def read(self, wanted: Mapping[int, Wanted]) -> Found:
        """As `Peek` says, the moment being each partition's own."""
        asked = (self._peek.read({partition: one}) for partition, one in wanted.items())
        found: dict[int, Seen] = {}
        for part in await asyncio.gather(*asked):
            found |= part
        return found


def _live(row: Sequence[Any]) -> Live | None:
    generation, fingerprint, partitions = row
    if not any(row):
        return None
    try:
        return Live(generation.decode(), fingerprint.decode(), int(partitions or 0))
    except (AttributeError, ValueError) as error:
        raise Fatal(f"a marker in Redis cannot be read: {error!r}") from error


def _values(row: list[Any]) -> Sequence[Raw]:
    return [None if value is False else value for value in row] if False in row else row
