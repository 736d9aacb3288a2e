"""States kept in memory, so that most events need no read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from pipeline.state import EntityState


class StateCache:
    """The least recently used states leave first; each partition may keep its share of `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._partitions: dict[int, dict[str, EntityState]] = {}

    def get(self, partition: int, entities: Iterable[str]) -> dict[str, EntityState]:
        """The states that are there. Whoever changes one works on a copy."""
        held = self._partitions.get(partition, {})
        return {entity: held[entity] for entity in entities if entity in held}

    def put(self, partition: int, states: Mapping[str, EntityState | None]) -> None:
        """Keep these states as the most recent; None drops one."""
        held = self._partitions.setdefault(partition, {})
        for entity, state in states.items():
            held.pop(entity, None)
            if state is not None:
                held[entity] = state
        share = max(self._most // len(self._partitions), 1)
        for entity in list(islice(held, max(len(held) - share, 0))):
            del held[entity]

    def forget(self, partition: int) -> None:
        """Drop all states of a partition."""
        self._partitions.pop(partition, None)

    def __len__(self) -> int:
        return sum(len(held) for held in self._partitions.values())
