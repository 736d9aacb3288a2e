"""What a tile keeps of the values that fell into it: bytes, in memory as they are stored.

So a state is read and written without a look at its tiles, and copies of it share them. `Numbers`
keeps a row of numbers, made up of a `Part` for each group of statistics; `Distinct` keeps a set.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, ClassVar, Protocol

from pipeline.windows.moments import Moments

STATISTICS = ("sum", "mean", "count", "var")
"""What an aggregation tells unless it says otherwise."""
DISTINCT = "distinct"
WHOLE = ("count", DISTINCT)
"""The statistics that are integers."""
MOST_DISTINCT = 32
_HASH_BYTES = 8

Value = float | str
Row = tuple[Any, ...]
"""A part's numbers."""
Told = tuple[float | int, ...]
"""Statistics in the order of their declaration."""


class Kept(Protocol):
    """What the tiles of one aggregation keep. Times are microseconds."""

    @property
    def nothing(self) -> Told:
        """What no tile at all tells."""
        ...

    def first(self, value: Any, at: int) -> bytes:
        """The tile of one value, of an event at `at`."""
        ...

    def plus(self, tile: bytes, value: Any, at: int) -> bytes:
        """The tile with one value more."""
        ...

    def merged(self, tiles: Sequence[bytes]) -> bytes:
        """These tiles, the oldest first and at least one, as a single one."""
        ...

    def told(self, tile: bytes) -> Told:
        """What a tile tells."""
        ...

    def end(self, packed: bytes, start: int) -> int:
        """Where the tile that starts there ends."""
        ...


class Part(Protocol):
    """One group of statistics, and the numbers from which they come."""

    statistics: ClassVar[tuple[str, ...]]
    form: ClassVar[str]

    def first(self, value: float, at: int) -> Row:
        """The numbers of one value."""
        ...

    def plus(self, row: Row, value: float, at: int) -> Row:
        """The numbers with one value more."""
        ...

    def merged(self, rows: Sequence[Row]) -> Row:
        """Those of several tiles together, the oldest first."""
        ...

    def read(self, row: Row) -> Told:
        """The `statistics`, in their order."""
        ...


class MomentsPart:
    """Count, sum, mean and M2."""

    statistics: ClassVar[tuple[str, ...]] = STATISTICS
    form: ClassVar[str] = "Qddd"

    def first(self, value: float, at: int) -> Row:
        """Those of one value."""
        return self.plus((0, 0.0, 0.0, 0.0), value, at)

    def plus(self, row: Row, value: float, at: int) -> Row:  # noqa: ARG002 - it is of no matter when
        """By Welford's update."""
        moments = Moments(*row)
        moments.add(value)
        return moments.row

    def merged(self, rows: Sequence[Row]) -> Row:
        """By Chan's formula, oldest first."""
        return Moments.merged(rows).row

    def read(self, row: Row) -> Told:
        """Sum, mean, count and the sample variance."""
        return Moments(*row).statistics


class Extremes:
    """The smallest and the largest value."""

    statistics: ClassVar[tuple[str, ...]] = ("min", "max")
    form: ClassVar[str] = "dd"

    def first(self, value: float, at: int) -> Row:  # noqa: ARG002 - it is of no matter when
        """It is both."""
        return value, value

    def plus(self, row: Row, value: float, at: int) -> Row:  # noqa: ARG002 - it is of no matter when
        """The wider of the two."""
        return min(row[0], value), max(row[1], value)

    def merged(self, rows: Sequence[Row]) -> Row:
        """The widest."""
        return min(low for low, _ in rows), max(high for _, high in rows)

    def read(self, row: Row) -> Told:
        """Both."""
        return row


class Last:
    """The newest event's time and value; of two at once the later in the log."""

    statistics: ClassVar[tuple[str, ...]] = ("last",)
    form: ClassVar[str] = "qd"

    def first(self, value: float, at: int) -> Row:
        """The only one."""
        return at, value

    def plus(self, row: Row, value: float, at: int) -> Row:
        """The newer of the two."""
        return (at, value) if at >= row[0] else row

    def merged(self, rows: Sequence[Row]) -> Row:
        """The newest tile's."""
        return rows[-1]

    def read(self, row: Row) -> Told:
        """The value."""
        return row[1:]


PARTS: tuple[Part, ...] = (MomentsPart(), Extremes(), Last())
KNOWN = (*(name for part in PARTS for name in part.statistics), DISTINCT)
"""Every statistic there is."""


class Numbers:
    """A row of numbers: those of each part that the statistics need."""

    def __init__(self, statistics: Sequence[str]) -> None:
        parts = [part for part in PARTS if {*statistics} & {*part.statistics}]
        ends = [sum(len(part.form) for part in parts[: n + 1]) for n in range(len(parts))]
        starts = [end - len(part.form) for part, end in zip(parts, ends, strict=True)]
        self._parts = [*zip(parts, map(slice, starts, ends), strict=True)]
        self._form = struct.Struct("<" + "".join(part.form for part in parts))
        self._places = [
            [name for part in parts for name in part.statistics].index(name) for name in statistics
        ]
        self.nothing: Told = tuple(0 if name in WHOLE else 0.0 for name in statistics)

    def first(self, value: float, at: int) -> bytes:
        """The tile of one value."""
        new = list[Any]()
        for part, _ in self._parts:
            new += part.first(value, at)
        return self._form.pack(*new)

    def plus(self, tile: bytes, value: float, at: int) -> bytes:
        """The tile with one value more."""
        row, new = self._form.unpack(tile), list[Any]()
        for part, own in self._parts:
            new += part.plus(row[own], value, at)
        return self._form.pack(*new)

    def merged(self, tiles: Sequence[bytes]) -> bytes:
        """Each part's numbers, merged."""
        rows, merged = [self._form.unpack(tile) for tile in tiles], list[Any]()
        for part, own in self._parts:
            merged += part.merged([row[own] for row in rows])
        return self._form.pack(*merged)

    def told(self, tile: bytes) -> Told:
        """The statistics, as declared."""
        row, told = self._form.unpack(tile), list[float | int]()
        for part, own in self._parts:
            told += part.read(row[own])
        return tuple([told[place] for place in self._places])

    def end(self, packed: bytes, start: int) -> int:  # noqa: ARG002 - all tiles are of one size
        """A row further."""
        return start + self._form.size


class Distinct:
    """Which values there were, by 8 bytes each, up to 32 of them: it counts no further."""

    nothing: Told = (0,)

    def first(self, value: Value, at: int) -> bytes:  # noqa: ARG002 - it is of no matter when
        """One."""
        return b"\1" + _hashed(value)

    def plus(self, tile: bytes, value: Value, at: int) -> bytes:  # noqa: ARG002 - it is of no matter when
        """One more, if it is new and there is room."""
        hashed, held = _hashed(value), _hashes(tile)
        if hashed in held or len(held) == MOST_DISTINCT:
            return tile
        return bytes((len(held) + 1,)) + tile[1:] + hashed

    def merged(self, tiles: Sequence[bytes]) -> bytes:
        """Those of all tiles, as far as there is room."""
        different = [*dict.fromkeys(one for tile in tiles for one in _hashes(tile))]
        kept = different[:MOST_DISTINCT]
        return bytes((len(kept),)) + b"".join(kept)

    def told(self, tile: bytes) -> Told:
        """How many there are."""
        return (tile[0],)

    def end(self, packed: bytes, start: int) -> int:
        """As many hashes further as the first byte says."""
        return start + 1 + _HASH_BYTES * packed[start] if start < len(packed) else start + 1


def kept_for(statistics: Sequence[str]) -> Kept:
    """What the tiles of an aggregation keep that tells these."""
    return Distinct() if DISTINCT in statistics else Numbers(statistics)


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[i : i + _HASH_BYTES] for i in range(1, len(tile), _HASH_BYTES)]


def _hashed(value: Value) -> bytes:
    """A text's hash; a number's own 8 bytes, the two zeros being one."""
    if isinstance(value, str):
        return blake2b(value.encode(), digest_size=_HASH_BYTES).digest()
    return struct.pack("<d", value + 0.0)
