"""The tiles of one rolling aggregation: how they take events in, are read, and are packed.

A tile is named by its number: event time divided by its width.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pipeline.windows.kept import Kept, Told, Value, kept_for
from pipeline.windows.rolling import TILES, Rolling

_MASK = struct.Struct("<H")
_ALL = 2**TILES


class Past(msgspec.Struct, frozen=True, gc=False):
    """The eleven tiles before that numbered `last`: merged to one, if any, and packed."""

    last: int
    merged: bytes | None
    mask: int
    packed: bytes


class View(msgspec.Struct, frozen=True, gc=False):
    """A window as of a moment in the tile `last`: what it tells, and how it is stored."""

    last: int
    told: Told
    packed: bytes


class Tiles(msgspec.Struct, eq=False, gc=False):
    """The tiles of one window by their numbers; `held` stays as it is, an event makes new `Tiles`.

    What was made of them last is kept beside: most events leave all but the newest tile alone.
    """

    held: Mapping[int, bytes]
    past: Past | None = None
    view: View | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tiles) and self.held == other.held

    __hash__ = None  # type: ignore[assignment] # as of any class with __eq__


class Tiling:
    """What to do with an aggregation's tiles. `newest` is the entity's newest event time."""

    def __init__(self, window: Rolling, statistics: Sequence[str]) -> None:
        self._widths = window.tiles
        self._kept: Kept = kept_for(statistics)

    def empty(self) -> list[Tiles]:
        """The tiles of each window before the first event."""
        return [Tiles({}) for _ in self._widths]

    def add(self, windows: list[Tiles], value: Value, at: int, newest: int) -> bool:
        """Take in an event at `at`, not after `newest`; False where it is too late for all."""
        taken = False
        for place, width in enumerate(self._widths):
            number, last = at // width, newest // width
            if number > last - TILES:
                windows[place] = self._with(windows[place], number, value, at, last)
                taken = True
        return taken

    def read(self, windows: Iterable[Tiles], as_of: int) -> list[float | int]:
        """The statistics of each window as of `as_of`, 0 where it is empty.

        That moment is not before the entity's newest event: older tiles may be gone.
        """
        return self.stored(windows, as_of)[0]

    def stored(self, windows: Iterable[Tiles], newest: int) -> tuple[list[float | int], bytes]:
        """What `read` gives, and all that counts as of `newest`, packed.

        Of each window this is a mask of its tiles, and these in order.
        """
        told, packed = list[float | int](), list[bytes]()
        for width, tiles in zip(self._widths, windows, strict=True):
            last, view = newest // width, tiles.view
            if view is None or view.last != last:
                view = tiles.view = self._view(tiles, last)
            told += view.told
            packed.append(view.packed)
        return told, b"".join(packed)

    def unpack(self, packed: bytes, newest: int) -> list[Tiles]:
        """The inverse of `pack`. Raises ValueError for what it did not write."""
        windows, start = [], 0
        for width in self._widths:
            tiles, start = self._unpack(packed, start, newest // width)
            windows.append(tiles)
        if start != len(packed):
            raise ValueError("the tiles have another length")
        return windows

    def _with(self, tiles: Tiles, number: int, value: Value, at: int, last: int) -> Tiles:
        held, kept, past = tiles.held, self._kept, tiles.past if number == last else None
        before = held.get(number)
        if before is not None:
            return Tiles({**held, number: kept.plus(before, value, at)}, past)
        new = {old: tile for old, tile in held.items() if old > last - TILES}
        new[number] = kept.first(value, at)
        return Tiles(new, past)

    def _view(self, tiles: Tiles, last: int) -> View:
        past, now = tiles.past, tiles.held.get(last)
        if past is None or past.last != last:
            past = tiles.past = self._past(tiles.held, last)
        if now is None:
            told = self._kept.nothing if past.merged is None else self._kept.told(past.merged)
            return View(last, told, _MASK.pack(past.mask) + past.packed)
        both = now if past.merged is None else self._kept.merged((past.merged, now))
        packed = b"".join((_MASK.pack(past.mask | 1), past.packed, now))
        return View(last, self._kept.told(both), packed)

    def _past(self, held: Mapping[int, bytes], last: int) -> Past:
        numbers = [number for number in range(last - TILES + 1, last) if number in held]
        tiles = [held[number] for number in numbers]
        mask = sum([1 << (last - number) for number in numbers])
        return Past(last, self._kept.merged(tiles) if tiles else None, mask, b"".join(tiles))

    def _unpack(self, packed: bytes, start: int, last: int) -> tuple[Tiles, int]:
        """The tiles of one window, whose newest could have the number `last`."""
        try:
            (mask,) = _MASK.unpack_from(packed, start)
        except struct.error as error:
            raise ValueError("a window is missing") from error
        if mask >= _ALL:
            raise ValueError("a window has too many tiles")
        held: dict[int, bytes] = {}
        start += _MASK.size
        for back in reversed(range(TILES)):
            if mask >> back & 1:
                end = self._kept.end(packed, start)
                held[last - back] = packed[start:end]
                start = end
        return Tiles(held), start
