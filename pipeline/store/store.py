"""One stage's entities and markers in Redis."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from typing import Any

import msgpack
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from pipeline.errors import Fatal
from pipeline.keys import Keys
from pipeline.marker import Marker
from pipeline.state import Raw
from pipeline.store.client import Client, translated
from pipeline.store.pipelined import Pipelined

MOST_ENTITIES = 1_000

Values = Sequence[str | bytes] | None
"""An entity's values in the order of the store's fields; None deletes the entity.

Where there are fewer values than fields, the entity does not have the last ones.
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A marker and the values of some entities, as of one moment."""

    marker: Marker | None
    values: Sequence[Sequence[Raw]]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing was written: the marker is not what the writer believed, but `actual`."""

    actual: Marker | None


class Store:
    """Reads and writes the entities of one stage, always together with the partition's marker."""

    def __init__(self, client: Client, keys: Keys, fields: Sequence[str]) -> None:
        self._client = client
        self._scripts = Pipelined(client) if isinstance(client, Redis) else client
        self._keys = keys
        self._fields = tuple(fields)
        self._names = msgpack.packb(list(fields), use_bin_type=False)
        self._read = Script("read.lua")
        self._write = Script("write.lua")

    async def marker(self, partition: int) -> Marker | None:
        """The marker of a partition, None where there is none."""
        with translated("reading a marker"):
            found: Any = await self._client.hgetall(self._keys.marker(partition))
        return marker_of(list(chain.from_iterable(found.items())))

    async def read(self, partition: int, generation: str, entities: Sequence[str]) -> Snapshot:
        """The marker of a partition and these entities of a generation."""
        prefix = self._keys.prefix(partition, generation)
        keys = [self._keys.marker(partition), *(prefix + entity for entity in entities)]
        marker, *values = await self._read(self._scripts, partition, keys, self._fields)
        return Snapshot(marker_of(marker), values)

    async def write(
        self, partition: int, believed: Marker | None, new: Marker, entities: Mapping[str, Values]
    ) -> Conflict | None:
        """Write entities and marker in one step; None when it is done.

        Raises InfrastructureError when it is unknown whether it was done, and Fatal when a key
        holds something else. At most `MOST_ENTITIES` entities.
        """
        prefix = self._keys.prefix(partition, new.generation)
        keys = [self._keys.marker(partition), *(prefix + entity for entity in entities)]
        arguments = [
            *(believed.identity if believed else ("", "", "", "")),
            _pack(list(chain.from_iterable(new.encode().items()))),
            self._names,
            *(b"" if values is None else _pack(values) for values in entities.values()),
        ]
        answer = await self._write(self._scripts, partition, keys, arguments)
        match answer[0]:
            case b"ok":
                return None
            case b"conflict":
                return Conflict(marker_of(answer[1:]))
        raise Fatal(f"partition {partition} is suspect: the key {answer[1]!r} is not a hash")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


class Script:
    """A Lua script, sent by its digest, and whole when the server does not know it."""

    def __init__(self, name: str) -> None:
        self._source = files(__package__).joinpath(name).read_text()
        self._digest = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()
        self._name = name

    async def __call__(
        self,
        client: Client | Pipelined,
        partition: int,
        keys: Sequence[str | bytes],
        arguments: Sequence[Any],
    ) -> Any:
        """The script's answer. All keys are in the slot of `partition`."""
        with translated(f"running {self._name} on partition {partition}"):
            try:
                return await client.evalsha(self._digest, len(keys), *keys, *arguments)
            except NoScriptError:
                return await client.eval(self._source, len(keys), *keys, *arguments)


def _pack(values: Sequence[str | bytes]) -> bytes:
    packed: bytes = msgpack.packb(values, use_bin_type=False)
    return packed


def marker_of(flat: Sequence[bytes]) -> Marker | None:
    """The marker in an answer's fields and values, None where there are none. Raises Fatal."""
    if not flat:
        return None
    texts = [part.decode() for part in flat]
    try:
        return Marker.decode(dict(zip(texts[::2], texts[1::2], strict=True)))
    except (KeyError, ValueError) as error:
        raise Fatal(f"a marker in Redis cannot be read: {error!r}") from error
