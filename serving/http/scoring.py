"""Rows of several requests, scored in one call: a few rows take a model little longer than one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.together import Together

Matrix = NDArray[np.float64]

_MANY_ROWS = 64
"""From so many on another thread scores: a forest takes some 2 ms for them."""


class Scores(Protocol):
    """What is asked of a model."""

    def score(self, rows: Any, /) -> Matrix:
        """The probability of each row of (rows, features)."""
        ...


Model = TypeVar("Model", bound=Scores)


class Scoring(Generic[Model]):
    """Scores what comes in one turn of the event loop, by the model that is in force then."""

    def __init__(self, in_force: Callable[[], Model]) -> None:
        self._in_force = in_force
        self._together: Together[Matrix, tuple[Model, list[float]]] = Together(self._score_all)

    async def score(self, rows: Matrix) -> tuple[Model, list[float]]:
        """The model that scored them, and the probability of each row of (rows, features)."""
        if len(rows) < _MANY_ROWS:
            return await self._together.ask(rows)
        (alone,) = await self._score_all([rows])  # nobody waits for its rows
        return alone

    async def _score_all(self, parts: Sequence[Matrix]) -> list[tuple[Model, list[float]]]:
        model, rows = self._in_force(), np.concatenate(parts)
        many = len(rows) >= _MANY_ROWS
        found = await asyncio.to_thread(model.score, rows) if many else model.score(rows)
        probabilities = iter(found.tolist())
        return [(model, [next(probabilities) for _ in part]) for part in parts]
