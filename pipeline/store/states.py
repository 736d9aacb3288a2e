"""Reading entities' states from outside the workers, by the generation that is live."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from pipeline.declaration import UseCase
from pipeline.errors import Fatal, Refusal
from pipeline.keys import FEATURES, Keys
from pipeline.marker import Marker
from pipeline.partitioner import partition_of
from pipeline.state import EntityState, Raw, StateCodec
from pipeline.store.client import Client
from pipeline.store.store import MOST_ENTITIES, Snapshot, Store

_NONE_YET = ""
"""No generation is called so: a first look, which finds nobody but learns the live one."""


class Readable(Protocol):
    """What is asked of `pipeline.store.store.Store`."""

    async def read(self, partition: int, generation: str, entities: Sequence[str]) -> Snapshot:
        """The marker and these entities, as of one moment."""
        ...


class StateReader:
    """Reads states of one use case; remembers the live generations, and notices their switch."""

    def __init__(self, store: Readable, case: UseCase, partitions: int) -> None:
        self._store = store
        self._case = case
        self._partitions = partitions
        self._fingerprint = case.fingerprint  # it takes longer than a state
        self._codec = StateCodec(case)
        self._generations: dict[int, str] = {}

    @classmethod
    def on(cls, client: Client, case: UseCase, partitions: int) -> StateReader:
        """A reader of the features that `stream_features` keeps."""
        keys = Keys(case.name, FEATURES)
        return cls(Store(client, keys, StateCodec(case).fields), case, partitions)

    async def read(self, names: Sequence[str]) -> dict[str, EntityState]:
        """The states of those entities that have one; an erased entity has none.

        Raises InfrastructureError, and Refusal where the state is another declaration's or was
        placed by another number of partitions.
        """
        placed: dict[int, list[str]] = defaultdict(list)
        for name in dict.fromkeys(names):
            placed[partition_of(name.encode(), self._partitions)].append(name)
        parts = [
            self._read(partition, own[start : start + MOST_ENTITIES])
            for partition, own in placed.items()
            for start in range(0, len(own), MOST_ENTITIES)
        ]
        found: dict[str, EntityState] = {}
        for part in await asyncio.gather(*parts):
            found |= part
        return found

    async def _read(self, partition: int, names: Sequence[str]) -> Mapping[str, EntityState]:
        believed = self._generations.get(partition, _NONE_YET)
        while True:
            snapshot = await self._store.read(partition, believed, names)
            if snapshot.marker is None:
                return {}
            self._check(snapshot.marker)
            if snapshot.marker.generation == believed:
                return self._decoded(partition, names, snapshot.values)
            believed = self._generations[partition] = snapshot.marker.generation

    def _check(self, marker: Marker) -> None:
        if marker.freed().fingerprint != self._fingerprint:
            raise Refusal(
                f"the features of {self._case.name} are another declaration's",
                "Use the declaration that the workers have",
            )
        if marker.partitions not in (0, self._partitions):
            raise Refusal(
                f"the features of {self._case.name} were placed by {marker.partitions} partitions, "
                f"not {self._partitions}",
                f"Set PIPELINE_PARTITIONS={marker.partitions}",
            )

    def _decoded(
        self, partition: int, names: Sequence[str], values: Sequence[Sequence[Raw]]
    ) -> dict[str, EntityState]:
        try:
            states = map(self._codec.decode, values)
            return {
                name: state for name, state in zip(names, states, strict=True) if state is not None
            }
        except (ValueError, IndexError) as error:
            raise Fatal(f"partition {partition} is suspect: a state cannot be read") from error
