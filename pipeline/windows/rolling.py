"""The last hours of an entity, one length or several at once. Times are microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pipeline.times import HOUR, MINUTE

TILES = 12
"""How many tiles a window has."""

_UNITS = ((24 * HOUR, 2, "d"), (HOUR, 1, "h"), (MINUTE, 1, "m"), (1_000_000, 1, "s"), (1, 1, "us"))


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last `hours`, by event time, in 12 tiles that begin at multiples of their width.

    As of a moment a window is that moment's tile and the 11 before it: more than 11/12 of its
    length, never more than all of it. Raises ValueError where a tile is no whole microseconds.
    """

    hours: float | tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.lengths:
            raise ValueError("a rolling window has no length")
        for hours, length in zip(self._each, self.lengths, strict=True):
            if length <= 0 or length % TILES:
                raise ValueError(f"{hours} hours are not 12 tiles of whole microseconds")

    @property
    def anchor(self) -> None:
        """Nothing opens it: it is always open."""
        return

    @property
    def lengths(self) -> tuple[int, ...]:
        """The length of each window."""
        return tuple(_micros(hours) for hours in self._each)

    @property
    def tiles(self) -> tuple[int, ...]:
        """The width of a tile of each window."""
        return tuple(length // TILES for length in self.lengths)

    @property
    def labels(self) -> tuple[str, ...]:
        """What names each window: `_30m`, `_1h`, `_24h`, `_7d`."""
        return tuple(_label(length) for length in self.lengths)

    @property
    def meaning(self) -> dict[str, object]:
        """Kind, the lengths in their order, and the number of tiles."""
        return {"kind": "rolling", "hours": [float(one) for one in self._each], "tiles": TILES}

    @property
    def _each(self) -> tuple[float, ...]:
        return self.hours if isinstance(self.hours, tuple) else (self.hours,)


def _micros(hours: float) -> int:
    """Exactly, by the decimal that was written; 0 for what has no whole number of them."""
    try:
        micros = Fraction(repr(hours)) * HOUR
    except ValueError:  # infinite, or not a number
        return 0
    return micros.numerator if micros.denominator == 1 else 0


def _label(length: int) -> str:
    """In the largest unit that fits, days from two on."""
    unit, name = next(
        (unit, name)
        for unit, least, name in _UNITS
        if length % unit == 0 and length // unit >= least
    )
    return f"_{length // unit}{name}"
