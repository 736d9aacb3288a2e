"""What a tile may keep of the values that fell into it: one `Part` for each group of statistics.

What a part holds is a value: it is never changed in place, so tiles can be shared by copies of a
state.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, ClassVar, Protocol

from pipeline.windows.moments import Moments

STATISTICS = ("sum", "mean", "count", "var")
"""What an aggregation tells unless it says otherwise."""
WHOLE = ("count", "distinct")
"""The statistics that are integers."""
MOST_DISTINCT = 32
_HASH_BYTES = 8

Value = float | str


class Part(Protocol):
    """One group of statistics. What it holds is its own affair; `Any` here."""

    statistics: ClassVar[tuple[str, ...]]

    def first(self, value: Any, at: int) -> Any:
        """What is held after one value."""
        ...

    def plus(self, held: Any, value: Any, at: int) -> Any:
        """What is held after one value more, of an event at `at`."""
        ...

    def merged(self, parts: Sequence[Any]) -> Any:
        """What several tiles hold together; the oldest tile comes first, and there is one."""
        ...

    def read(self, held: Any) -> tuple[float | int, ...]:
        """The `statistics`, in their order."""
        ...

    def pack(self, held: Any) -> bytes:
        """As bytes, exactly."""
        ...

    def unpack(self, packed: bytes, start: int) -> tuple[Any, int]:
        """What `pack` wrote from `start` on, and where it ends. Raises ValueError."""
        ...


class _Numbers:
    """Packs what is a fixed row of numbers."""

    form: ClassVar[struct.Struct]

    def _unpacked(self, packed: bytes, start: int) -> tuple[tuple[Any, ...], int]:
        try:
            return self.form.unpack_from(packed, start), start + self.form.size
        except struct.error as error:
            raise ValueError("a tile is cut off") from error


class MomentsPart(_Numbers):
    """Holds `Moments`."""

    statistics: ClassVar[tuple[str, ...]] = STATISTICS
    form = struct.Struct("<Qddd")

    def first(self, value: float, at: int) -> Moments:
        """One value's."""
        return self.plus(Moments(), value, at)

    def plus(self, held: Moments, value: float, at: int) -> Moments:  # noqa: ARG002 - of no matter
        """Welford's update of a copy."""
        moments = held.copy()
        moments.add(value)
        return moments

    def merged(self, parts: Sequence[Moments]) -> Moments:
        """By Chan's formula, oldest first."""
        return Moments.merged(parts)

    def read(self, held: Moments) -> tuple[float | int, ...]:
        """Sum, mean, count and the sample variance."""
        return held.sum, held.mean, held.count, held.var

    def pack(self, held: Moments) -> bytes:
        """Count, sum, mean, M2."""
        return self.form.pack(held.count, held.sum, held.mean, held.m2)

    def unpack(self, packed: bytes, start: int) -> tuple[Moments, int]:
        """The same."""
        numbers, end = self._unpacked(packed, start)
        return Moments(*numbers), end


class Extremes(_Numbers):
    """Holds the smallest and the largest value."""

    statistics: ClassVar[tuple[str, ...]] = ("min", "max")
    form = struct.Struct("<dd")

    def first(self, value: float, at: int) -> tuple[float, float]:  # noqa: ARG002 - of no matter
        """It is both."""
        return value, value

    def plus(self, held: tuple[float, float], value: float, at: int) -> tuple[float, float]:  # noqa: ARG002 - of no matter
        """The wider of what was held and the value."""
        return min(held[0], value), max(held[1], value)

    def merged(self, parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """The widest."""
        return min(low for low, _ in parts), max(high for _, high in parts)

    def read(self, held: tuple[float, float]) -> tuple[float | int, ...]:
        """Both."""
        return held

    def pack(self, held: tuple[float, float]) -> bytes:
        """Both."""
        return self.form.pack(*held)

    def unpack(self, packed: bytes, start: int) -> tuple[tuple[Any, ...], int]:
        """Both."""
        return self._unpacked(packed, start)


class Last(_Numbers):
    """Holds the value of the newest event and its time; of two at once the later in the log."""

    statistics: ClassVar[tuple[str, ...]] = ("last",)
    form = struct.Struct("<qd")

    def first(self, value: float, at: int) -> tuple[int, float]:
        """The only one."""
        return at, value

    def plus(self, held: tuple[int, float], value: float, at: int) -> tuple[int, float]:
        """The newer of the two."""
        return (at, value) if at >= held[0] else held

    def merged(self, parts: Sequence[tuple[int, float]]) -> tuple[int, float]:
        """The newest tile's."""
        return parts[-1]

    def read(self, held: tuple[int, float]) -> tuple[float | int, ...]:
        """Its value."""
        return (held[1],)

    def pack(self, held: tuple[int, float]) -> bytes:
        """Time and value."""
        return self.form.pack(*held)

    def unpack(self, packed: bytes, start: int) -> tuple[tuple[Any, ...], int]:
        """Time and value."""
        return self._unpacked(packed, start)


class Distinct:
    """Holds which values there were, by 8 bytes each, up to 32 of them: it counts no further."""

    statistics: ClassVar[tuple[str, ...]] = ("distinct",)

    def first(self, value: Value, at: int) -> tuple[bytes, ...]:  # noqa: ARG002 - of no matter
        """One."""
        return (_hashed(value),)

    def plus(self, held: tuple[bytes, ...], value: Value, at: int) -> tuple[bytes, ...]:  # noqa: ARG002 - of no matter
        """One more, if it is new and there is room."""
        return _union((held, (_hashed(value),)))

    def merged(self, parts: Sequence[tuple[bytes, ...]]) -> tuple[bytes, ...]:
        """All of them, as far as there is room."""
        return _union(parts)

    def read(self, held: tuple[bytes, ...]) -> tuple[float | int, ...]:
        """How many there are."""
        return (len(held),)

    def pack(self, held: tuple[bytes, ...]) -> bytes:
        """How many, and each."""
        return bytes((len(held),)) + b"".join(held)

    def unpack(self, packed: bytes, start: int) -> tuple[tuple[bytes, ...], int]:
        """The same."""
        first = start + 1
        end = first + _HASH_BYTES * packed[start] if start < len(packed) else first
        if end > len(packed):
            raise ValueError("a tile is cut off")
        return tuple(packed[i : i + _HASH_BYTES] for i in range(first, end, _HASH_BYTES)), end


PARTS: tuple[Part, ...] = (MomentsPart(), Extremes(), Last(), Distinct())
KNOWN = tuple(name for part in PARTS for name in part.statistics)
"""Every statistic there is."""


def parts_of(statistics: Iterable[str]) -> tuple[Part, ...]:
    """The parts that these statistics need."""
    wanted = {*statistics}
    return tuple(part for part in PARTS if wanted & {*part.statistics})


def _union(parts: Iterable[tuple[bytes, ...]]) -> tuple[bytes, ...]:
    """The different ones in the order of their coming, and no more than there is room for."""
    return tuple(dict.fromkeys(one for part in parts for one in part))[:MOST_DISTINCT]


def _hashed(value: Value) -> bytes:
    """A text's hash; a number's own 8 bytes, the two zeros being one."""
    if isinstance(value, str):
        return blake2b(value.encode(), digest_size=_HASH_BYTES).digest()
    return struct.pack("<d", value + 0.0)
