"""Reading entities' features from outside the workers, by the generation that is live."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pipeline.declaration import UseCase
from pipeline.errors import Fatal, Refusal
from pipeline.features import FeatureCodec, FeatureState
from pipeline.keys import FEATURES, Keys
from pipeline.marker import freed
from pipeline.partitioner import partition_of
from pipeline.store.client import Client
from pipeline.store.peek import Live, Peek, Seen, Wanted, peek_at
from pipeline.store.store import MOST_ENTITIES

_NONE_YET = ""
"""No generation is called so: a first look, which finds nobody but learns the live one."""

Placed = Mapping[int, Sequence[str]]
"""Entities by their partition."""


class StateReader:
    """Reads states of one use case; remembers the live generations, and notices their switch."""

    def __init__(self, peek: Peek, case: UseCase, partitions: int) -> None:
        self._peek = peek
        self._case = case
        self._partitions = partitions
        self._fingerprint = case.fingerprint  # it takes longer than a state
        self._codec = FeatureCodec(case)
        self._live: dict[int, Live] = {}

    @classmethod
    def on(cls, client: Client, case: UseCase, partitions: int) -> StateReader:
        """A reader of the features that `stream_features` keeps."""
        peek = peek_at(client, Keys(case.name, FEATURES), FeatureCodec(case).fields)
        return cls(peek, case, partitions)

    async def read(self, names: Sequence[str]) -> dict[str, FeatureState]:
        """The states of those entities that have one; an erased entity has none.

        Raises InfrastructureError, and Refusal where the state is another declaration's or was
        placed by another number of partitions.
        """
        different = list(dict.fromkeys(names))
        found: dict[str, FeatureState] = {}
        for start in range(0, len(different), MOST_ENTITIES):
            found |= await self._read(different[start : start + MOST_ENTITIES])
        return found

    async def _read(self, names: Sequence[str]) -> dict[str, FeatureState]:
        found: dict[str, FeatureState] = {}
        placed = self._placed(names)
        while placed:
            wanted = {number: self._wanted(number, own) for number, own in placed.items()}
            moved: dict[int, Sequence[str]] = {}
            for number, seen in (await self._peek.read(wanted)).items():
                if seen.live is None:
                    continue
                self._note(number, seen.live)
                if seen.live.generation == wanted[number].generation:
                    found |= self._decoded(number, placed[number], seen)
                else:
                    moved[number] = placed[number]
            placed = moved
        return found

    def _placed(self, names: Sequence[str]) -> Placed:
        placed: dict[int, list[str]] = defaultdict(list)
        for name in names:
            placed[partition_of(name.encode(), self._partitions)].append(name)
        return placed

    def _wanted(self, partition: int, names: Sequence[str]) -> Wanted:
        live = self._live.get(partition)
        return Wanted(live.generation if live else _NONE_YET, names)

    def _note(self, partition: int, live: Live) -> None:
        if live != self._live.get(partition):
            self._check(live)
            self._live[partition] = live

    def _check(self, live: Live) -> None:
        if freed(live.fingerprint) != self._fingerprint:
            raise Refusal(
                f"the features of {self._case.name} are another declaration's",
                "Use the declaration that the workers have",
            )
        if live.partitions not in (0, self._partitions):
            raise Refusal(
                f"the features of {self._case.name} were placed by {live.partitions} partitions, "
                f"not {self._partitions}",
                f"Set PIPELINE_PARTITIONS={live.partitions}",
            )

    def _decoded(
        self, partition: int, names: Sequence[str], seen: Seen
    ) -> Mapping[str, FeatureState]:
        try:
            states = map(self._codec.decode, seen.values)
            return {
                name: state for name, state in zip(names, states, strict=True) if state is not None
            }
        except (ValueError, IndexError) as error:
            raise Fatal(f"partition {partition} is suspect: a state cannot be read") from error
