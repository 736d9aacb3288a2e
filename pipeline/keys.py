"""The names of all Redis keys. Those of one partition share a cluster slot by its number in {}."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one stateful stage: `kind` is what it keeps, as `features` or `scores`."""

    use_case: str
    kind: str

    def marker(self, partition: int) -> str:
        """The hash that says how far `partition` has been applied."""
        return f"{self.use_case}:marker:{self.kind}:{{{partition}}}"

    def prefix(self, partition: int, generation: str) -> str:
        """What every entity's key of one generation begins with."""
        return f"{self.use_case}:{self.kind}:{{{partition}}}:{generation}:"

    def entity(self, partition: int, generation: str, entity: str) -> str:
        """The hash of one entity."""
        return self.prefix(partition, generation) + entity


FEATURES = "features"
SCORES = "scores"
