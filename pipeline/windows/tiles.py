"""The tiles of one rolling aggregation: how they take events in, are read, and are packed.

A tile is named by its number, event time divided by its width. Of each window the tiles are a dict
from number to what each part holds; numbers may be missing, and stale ones are of no effect.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from pipeline.windows.kept import WHOLE, Part, Value, parts_of
from pipeline.windows.rolling import TILES, Rolling

Tile = tuple[Any, ...]
"""What each part holds; never changed in place."""
Tiles = list[dict[int, Tile]]
"""The tiles of each window of one aggregation."""

_MASK = struct.Struct("<H")
_ALL = 2**TILES


class Tiling:
    """What to do with the tiles of an aggregation. `newest` is the entity's newest event time."""

    def __init__(self, window: Rolling, statistics: Sequence[str]) -> None:
        self._widths = window.tiles
        self._parts = parts_of(statistics)
        told = [name for part in self._parts for name in part.statistics]
        self._places = [told.index(name) for name in statistics]
        self._nothing = [0 if name in WHOLE else 0.0 for name in told]

    def empty(self) -> Tiles:
        """Before the first event."""
        return [{} for _ in self._widths]

    def add(self, tiles: Tiles, value: Value, at: int, newest: int) -> bool:
        """Take in an event at `at`, not after `newest`; False where it is too late for all."""
        taken = False
        for width, window in zip(self._widths, tiles, strict=True):
            number, too_old = at // width, newest // width - TILES
            if number > too_old:
                self._put(window, number, value, at)
                taken = True
                if len(window) > TILES:
                    _drop(window, too_old)
        return taken

    def read(self, tiles: Tiles, as_of: int) -> list[float | int]:
        """The statistics of each window as of `as_of`, 0 where it is empty.

        That moment is not before the entity's newest event: older tiles may be gone.
        """
        values: list[float | int] = []
        for width, window in zip(self._widths, tiles, strict=True):
            told = self._told([window[number] for number in _live(window, as_of // width)])
            values += [told[place] for place in self._places]
        return values

    def pack(self, tiles: Tiles, newest: int) -> bytes:
        """What counts as of `newest`: of each window which tiles there are, and what they hold."""
        packed = []
        for width, window in zip(self._widths, tiles, strict=True):
            last = newest // width
            numbers = _live(window, last)
            packed.append(_MASK.pack(sum(1 << (last - number) for number in numbers)))
            packed += [self._pack(window[number]) for number in numbers]
        return b"".join(packed)

    def unpack(self, packed: bytes, newest: int) -> Tiles:
        """The inverse of `pack`. Raises ValueError for what it did not write."""
        tiles, start = [], 0
        for width in self._widths:
            window, start = self._unpack(packed, start, newest // width)
            tiles.append(window)
        if start != len(packed):
            raise ValueError("there is more than the tiles")
        return tiles

    def _put(self, window: dict[int, Tile], number: int, value: Value, at: int) -> None:
        held = window.get(number)
        if held is None:
            window[number] = tuple([part.first(value, at) for part in self._parts])
        else:
            pairs = zip(self._parts, held, strict=True)
            window[number] = tuple([part.plus(one, value, at) for part, one in pairs])

    def _told(self, tiles: Sequence[Tile]) -> Sequence[float | int]:
        """The statistics of all parts, of these tiles together; the oldest comes first."""
        if not tiles:
            return self._nothing
        told: list[float | int] = []
        for part, held in zip(self._parts, zip(*tiles, strict=True), strict=True):
            told += part.read(part.merged(held))
        return told

    def _pack(self, tile: Tile) -> bytes:
        return b"".join([part.pack(one) for part, one in zip(self._parts, tile, strict=True)])

    def _unpack(self, packed: bytes, start: int, last: int) -> tuple[dict[int, Tile], int]:
        """The tiles of one window, whose newest could have the number `last`."""
        try:
            (mask,) = _MASK.unpack_from(packed, start)
        except struct.error as error:
            raise ValueError("a window is missing") from error
        if mask >= _ALL:
            raise ValueError("a window has too many tiles")
        window: dict[int, Tile] = {}
        start += _MASK.size
        for back in reversed(range(TILES)):
            if mask >> back & 1:
                window[last - back], start = _unpacked(self._parts, packed, start)
        return window, start


def _unpacked(parts: Sequence[Part], packed: bytes, start: int) -> tuple[Tile, int]:
    tile = []
    for part in parts:
        held, start = part.unpack(packed, start)
        tile.append(held)
    return tuple(tile), start


def _live(window: dict[int, Tile], last: int) -> list[int]:
    """The numbers of the tiles that count while `last` is the newest, oldest first."""
    return [number for number in range(last - TILES + 1, last + 1) if number in window]


def _drop(window: dict[int, Tile], too_old: int) -> None:
    for number in [number for number in window if number <= too_old]:
        del window[number]
