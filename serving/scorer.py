"""What a stage asks of a model in service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from msgspec import UNSET, UnsetType
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


Shadow = tuple[str, str, float] | tuple[UnsetType, UnsetType, UnsetType]
"""Version, hash and probability of a challenger that scored the same row, and served nobody."""

NO_SHADOW: Shadow = (UNSET, UNSET, UNSET)

Scores = Iterable[tuple[Scorer, float, Shadow]]
"""For each row the model that serves it, its probability, and a challenger's in its shadow."""


class Lineup(Protocol):
    """The models in force together, and which of them scores whom."""

    def score(self, entities: Iterable[str], matrix: NDArray[np.float64]) -> Scores:
        """The scores of the rows of (rows, features); each is of the entity in its place."""
        ...


class Holder(Protocol):
    """Holds the models in force, which may be swapped at any time."""

    @property
    def lineup(self) -> Lineup:
        """What is in force now; take it once per batch."""
        ...
