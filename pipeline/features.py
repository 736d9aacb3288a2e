"""An entity's features: told from a state, and read from its hash without what only the fold needs.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
import orjson

from pipeline.declaration import UseCase
from pipeline.state import Raw, tiles_field, tilings
from pipeline.windows import Tiles


class Readable(Protocol):
    """A state, as far as features are read from it; see `pipeline.state.EntityState`."""

    @property
    def read(self) -> Sequence[float | int]:
        """The features that read the same whenever one looks."""
        ...

    @property
    def tiles(self) -> Sequence[list[Tiles]]:
        """Those of each rolling aggregation."""
        ...


class Features:
    """Tells the features of one use case from states."""

    def __init__(self, case: UseCase) -> None:
        self._features = case.features
        self._tilings = tilings(case)

    def values(self, state: Readable, as_of: int) -> list[float | int]:
        """Every feature in the declaration's order, as of `as_of` (microseconds).

        That moment is not before the newest event: what older windows held is gone by then.
        """
        values = list(state.read)
        if self._tilings:  # else even an empty loop counts: this is done for each event
            for tiling, tiles in zip(self._tilings, state.tiles, strict=True):
                values += tiling.read(tiles, as_of)
        return values

    def features(self, state: Readable, as_of: int) -> dict[str, float | int]:
        """`values` by name."""
        return dict(zip(self._features, self.values(state, as_of), strict=True))


class FeatureState(msgspec.Struct, frozen=True, gc=False):
    """What features are read from: those that read the same whenever one looks, and tiles.

    `newest` is the time of the entity's newest event in microseconds, 0 where it has none.
    """

    read: list[float | int]
    tiles: list[list[Tiles]]
    newest: int


class FeatureCodec(Features):
    """Reads those `fields` of an entity's hash, as `StateCodec` writes it, that features need."""

    def __init__(self, case: UseCase) -> None:
        super().__init__(case)
        rolling = {name for one in case.rolling for name in one.features}
        lasting = [name for name in case.features if name not in rolling]
        self._newest_at = len(lasting)
        tiles = [tiles_field(one) for one in case.rolling]
        self.fields: tuple[str, ...] = (*lasting, "newest_event", *tiles)

    def decode(self, values: Sequence[Raw]) -> FeatureState | None:
        """The state of the values of `fields`; None where there is no hash. Raises ValueError."""
        if None not in values:
            return self._decode(values)  # type: ignore[arg-type] # there is no None in it
        if any(value is not None for value in values):
            raise ValueError("a field of the state is missing")
        return None

    def _decode(self, values: Sequence[bytes]) -> FeatureState:
        newest_at = self._newest_at
        newest = int(values[newest_at] or 0)
        lasting = orjson.loads(b"[%b]" % b",".join(values[:newest_at]))  # as they were written
        packed = zip(self._tilings, values[newest_at + 1 :], strict=True)
        return FeatureState(lasting, [tiling.unpack(one, newest) for tiling, one in packed], newest)
