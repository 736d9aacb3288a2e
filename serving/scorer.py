"""What a stage asks of a model in service."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Scorer(Protocol):
    """A model in service."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def hash(self) -> str:
        """SHA-256 of its file."""
        ...

    def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each row of (rows, features)."""
        ...

    def decide(self, probability: float) -> str:
        """What the probability means at the model's threshold."""
        ...


class Holder(Protocol):
    """Holds the model in service, which may be swapped at any time."""

    @property
    def current(self) -> Scorer:
        """The model to use now; take it once per batch."""
        ...
