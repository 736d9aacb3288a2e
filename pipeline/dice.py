"""Seeded draws for worlds, in whole columns."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Dice:
    """Uniform draws from the raw words of PCG64.

    NumPy promises those for ever; what its `Generator` makes of them may change.
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._generator = np.random.PCG64([seed, stream])

    def between(self, low: Column | int, high: Column | int, *shape: int) -> Column:
        """Integers of this shape from `low` to `high`, limits included."""
        drawn: Column = low + self._words(shape) % (high - low + 1)
        return drawn

    def chance(self, probability: npt.NDArray[np.float64] | float, *shape: int) -> Flags:
        """Flags of this shape, true with `probability`."""
        drawn: Flags = self._words(shape) < np.asarray(probability) * 2.0**63
        return drawn

    def _words(self, shape: tuple[int, ...]) -> Column:
        words = self._generator.random_raw(math.prod(shape))
        return (words >> 1).astype(np.int64).reshape(shape)
