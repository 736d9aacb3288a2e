"""Moments: count, sum, mean and the squared deviations of numbers, without keeping the numbers.

They follow Welford (1962), "Note on a method for calculating corrected sums of squares and
products", one record at a time in log order, so that any split into batches gives the same bits.
Those of several stretches of time are merged by Chan, Golub and LeVeque's formula (1979).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


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
        """The sample variance, M2 / (count - 1); 0 while count < 2."""
        return self.m2 / (self.count - 1) if self.count > 1 else 0.0

    def copy(self) -> Moments:
        """An equal, independent value."""
        return Moments(self.count, self.sum, self.mean, self.m2)

    @classmethod
    def merged(cls, parts: Iterable[Moments]) -> Moments:
        """The moments of all values of `parts`, at least one, merged in their order."""
        rest = iter(parts)
        first = next(rest)
        count, total, mean, m2 = first.count, first.sum, first.mean, first.m2
        for part in rest:
            both, apart = count + part.count, part.mean - mean
            m2 += part.m2 + apart * apart * count * part.count / both
            mean += apart * part.count / both
            total += part.sum
            count = both
        return cls(count, total, mean, m2)
