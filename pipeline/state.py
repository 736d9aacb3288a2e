"""What is kept of one entity, and the Redis hash that holds it.

The hash is for people too: features stand under their names, floats as their exact repr, times as
microseconds since the epoch. `m2` and `recent_ids` are binary, packed to 64 bytes at most a field,
because one byte more makes Redis leave its compact encoding and use four times the memory. The
`tiles_...` of a rolling window are longer than that. Of the `recent_ids` an entity has as many
fields as it needs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import orjson

from pipeline.declaration import Aggregation, UseCase
from pipeline.recent_ids import field_names, from_fields, to_fields
from pipeline.windows import STATISTICS, Moments, Rolling, Tiles, Tiling

_DOUBLES_A_FIELD = 8
_TOLD = len(STATISTICS)

Raw = bytes | None


@dataclass(slots=True)
class EntityState:
    """The fold's memory of one entity; the fold changes it in place, so `copy` before a trial.

    `read` holds the features that read the same whenever one looks: those of the lookups, then
    four for each filling aggregation. `opened`, `moments` and `tiles` follow the order of the
    declaration's anchors, filling and rolling aggregations. `recent` holds the last different event
    ids (`pipeline.recent_ids`).
    """

    read: list[float | int]
    opened: list[int | None]
    moments: list[Moments]
    recent: bytes = b""
    newest: int | None = None
    tiles: list[list[Tiles]] = field(default_factory=list)

    @classmethod
    def empty(cls, case: UseCase) -> EntityState:
        """The state of an entity that no event has reached."""
        moments = [Moments() for _ in case.filling]
        defaults = [lookup.default for lookup in case.lookups]
        return cls(
            read=[*defaults, *chain.from_iterable(one.statistics for one in moments)],
            opened=[None for _ in case.anchors],
            moments=moments,
            tiles=[tiling.empty() for tiling in tilings(case)],
        )

    def copy(self) -> EntityState:
        """An equal, independent state."""
        return EntityState(
            list(self.read),
            list(self.opened),
            [moments.copy() for moments in self.moments],
            self.recent,
            self.newest,
            [windows.copy() for windows in self.tiles],
        )


def tilings(case: UseCase) -> tuple[Tiling, ...]:
    """What to do with each of a state's `tiles`."""
    return tuple(
        Tiling(one.window, one.statistics)
        for one in case.rolling
        if isinstance(one.window, Rolling)
    )


def tiles_field(rolling: Aggregation) -> str:
    """The field that holds the tiles of a rolling aggregation."""
    return f"tiles_{rolling.name}"


class StateCodec:
    """Between an EntityState and the values of its hash, in the order of `fields`.

    Every hash has the `required` ones, which are the first.
    """

    def __init__(self, case: UseCase) -> None:
        self._lookups, self._anchors = len(case.lookups), len(case.anchors)
        self._filling = len(case.filling)
        self._tilings = tilings(case)
        self._anchors_at = len(case.features)
        chunks = -(-self._filling // _DOUBLES_A_FIELD)
        self.required: tuple[str, ...] = (
            *case.features,
            *(f"first_{anchor}" for anchor in case.anchors),
            "newest_event",
            *("m2" if chunk == 0 else f"m2_{chunk}" for chunk in range(chunks)),
            *(tiles_field(one) for one in case.rolling),
        )
        self.fields = (*self.required, *field_names(case.remembered_ids))

    def encode(self, state: EntityState) -> list[str | bytes]:
        """The values of the first `fields`; the last ones are left out where there are fewer ids.

        A time not known yet is empty. Rolling windows are told as of the newest event.
        """
        numbers, tiles = list(state.read), list[bytes]()
        for tiling, windows in zip(self._tilings, state.tiles, strict=True):
            told, packed = tiling.stored(windows, state.newest or 0)
            numbers += told
            tiles.append(packed)
        values: list[str | bytes] = [*_texts(numbers)]
        values += ["" if opened is None else str(opened) for opened in state.opened]
        values.append("" if state.newest is None else str(state.newest))
        values += self._pack([one.m2 for one in state.moments])
        values += tiles
        values += to_fields(state.recent)
        return values

    def decode(self, values: Sequence[Raw]) -> EntityState | None:
        """The state of the values of `fields`; None where there is no hash. Raises ValueError."""
        if all(value is None for value in values):
            return None
        many = len(self.required)
        required = [value for value in values[:many] if value is not None]
        if len(required) < many:
            raise ValueError("a field of the state is missing")
        return self._decode(required, from_fields(values[many:]))

    def _decode(self, values: Sequence[bytes], recent: bytes) -> EntityState:
        lookups, opened, filling = self._lookups, self._anchors_at, self._filling
        newest_at = opened + self._anchors
        tiles_at = len(values) - len(self._tilings)
        m2 = self._unpack(values[newest_at + 1 : tiles_at])
        newest = int(values[newest_at]) if values[newest_at] else None
        moments = [
            _moments(values[lookups + _TOLD * i : lookups + _TOLD * (i + 1)], m2[i])
            for i in range(filling)
        ]
        looked_up = map(float, values[:lookups])
        return EntityState(
            [*looked_up, *chain.from_iterable(one.statistics for one in moments)],
            [int(value) if value else None for value in values[opened:newest_at]],
            moments,
            recent,
            newest,
            [
                tiling.unpack(packed, newest or 0)
                for tiling, packed in zip(self._tilings, values[tiles_at:], strict=True)
            ],
        )

    def _pack(self, doubles: list[float]) -> list[bytes]:
        starts = range(0, len(doubles), _DOUBLES_A_FIELD)
        chunks = [doubles[start : start + _DOUBLES_A_FIELD] for start in starts]
        return [struct.pack(f"<{len(chunk)}d", *chunk) for chunk in chunks]

    def _unpack(self, chunks: Sequence[bytes]) -> tuple[float, ...]:
        packed = b"".join(chunks)
        try:
            return struct.unpack(f"<{self._filling}d", packed)
        except struct.error as error:
            raise ValueError("m2 has another length") from error


def _texts(numbers: list[float | int]) -> list[str]:
    """The shortest text of each that reads back as the same number: JSON's, ten times as fast."""
    return orjson.dumps(numbers)[1:-1].decode().split(",")


def _moments(values: Sequence[bytes], m2: float) -> Moments:
    return Moments(int(values[2]), float(values[0]), float(values[1]), m2)
