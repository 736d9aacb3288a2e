"""The names of all Redis keys. Those of one partition share a cluster slot by its number in {}."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLACE = re.compile(r"\{(\d+)\}:([^:]+):")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one stateful stage: `kind` is what it keeps, as `features` or `scores`."""

    use_case: str
    kind: str
    progress: str = "marker"

    def marker(self, partition: int) -> str:
        """The hash that says how far `partition` has been applied."""
        return f"{self.use_case}:{self.progress}:{self.kind}:{{{partition}}}"

    def prefix(self, partition: int, generation: str) -> str:
        """What every entity's key of one generation begins with."""
        return f"{self.use_case}:{self.kind}:{{{partition}}}:{generation}:"

    def entity(self, partition: int, generation: str, entity: str) -> str:
        """The hash of one entity."""
        return self.prefix(partition, generation) + entity

    @property
    def all_entities(self) -> str:
        """A pattern for the keys of all entities."""
        return f"{self.use_case}:{self.kind}:{{*"

    def place_of(self, key: str) -> tuple[int, str] | None:
        """Partition and generation of an entity's key; None for any other key."""
        found = _PLACE.match(key.removeprefix(f"{self.use_case}:{self.kind}:"))
        return (int(found[1]), found[2]) if found else None


FEATURES = "features"
SCORES = "scores"
BUILDING = "rebuild"
"""In a marker's place while a new generation is being built."""
LEASE = "lease"
"""There for as long as the one who builds it counts as alive."""
