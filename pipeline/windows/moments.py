"""Moments: count, sum, mean and the squared deviations of numbers, without keeping the numbers.

They follow Welford (1962), "Note on a method for calculating corrected sums of squares and
products", one record at a time in log order, so that any split into batches gives the same bits.
Those of several stretches of time are merged by Chan, Golub and LeVeque's formula (1979).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

Row = tuple[int, float, float, float]


class Moments(msgspec.Struct, gc=False):
    """Count, sum, mean and the sum of squared deviations (M2) of the values taken in."""

    count: int = 0
    sum: float = 0.0
    mean: float = 0.0
    m2: float = 0.0

    def add(self, value: float) -> None:
        """Take in one value (Welford's update)."""
        self.count += 1
        self.sum += value
        before = value - self.mean
        self.mean += before / self.count
        self.m2 += before * (value - self.mean)

    @property
    def var(self) -> float:
        """The sample variance."""
        return self.statistics[-1]

    @property
    def statistics(self) -> tuple[float, float, int, float]:
        """Sum, mean, count and sample variance: M2 / (count - 1), 0 while count < 2."""
        count = self.count
        return self.sum, self.mean, count, self.m2 / (count - 1) if count > 1 else 0.0

    def copy(self) -> Moments:
        """An equal, independent value."""
        return Moments(self.count, self.sum, self.mean, self.m2)

    @property
    def row(self) -> Row:
        """As a row of numbers, as `Moments(*row)` takes them."""
        return self.count, self.sum, self.mean, self.m2

    @classmethod
    def merged(cls, rows: Iterable[Row]) -> Moments:
        """The moments of all values of these rows, at least one, merged in their order."""
        rest = iter(rows)
        count, total, mean, m2 = next(rest)
        for more, of_more, mean_of_more, m2_of_more in rest:
            both, apart = count + more, mean_of_more - mean
            m2 += m2_of_more + apart * apart * count * more / both
            mean += apart * more / both
            total += of_more
            count = both
        return cls(count, total, mean, m2)
