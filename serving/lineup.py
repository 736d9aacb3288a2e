"""Who scores whom: the champion everyone, alone or with a challenger on trial beside it.

Whatever happens to a challenger, every row gets a score: where it fails, the champion serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from pipeline.logs import log
from pipeline.metrics import CHALLENGER_FAILURES
from serving.scorer import NO_SHADOW, Scorer, Scores, Shadow

Matrix = NDArray[np.float64]


class Alone:
    """The champion serves everyone."""

    def __init__(self, champion: Scorer) -> None:
        self._champion = champion

    def score(self, entities: Iterable[str], matrix: Matrix) -> Scores:  # noqa: ARG002 - all are served alike
        """The champion's scores."""
        return _served_by(self._champion, matrix)


class Shadowed:
    """The champion serves everyone; the challenger scores the same rows in its shadow."""

    def __init__(self, champion: Scorer, challenger: Scorer) -> None:
        self._champion = champion
        self._challenger = challenger

    def score(self, entities: Iterable[str], matrix: Matrix) -> Scores:  # noqa: ARG002 - all are served alike
        """The champion's scores, with what the challenger gives."""
        tried = _tried(self._challenger, matrix)
        if tried is None:
            return _served_by(self._champion, matrix)
        name = (self._challenger.version, self._challenger.hash)
        shadows: list[Shadow] = [(*name, probability) for probability in tried.tolist()]
        return zip(repeat(self._champion), self._champion.score(matrix).tolist(), shadows)


class Shared:
    """The challenger serves the entities that it `takes`, the champion all others."""

    def __init__(self, champion: Scorer, challenger: Scorer, takes: Callable[[str], bool]) -> None:
        self._champion = champion
        self._challenger = challenger
        self._takes = takes

    def score(self, entities: Iterable[str], matrix: Matrix) -> Scores:
        """Each row's score by the model that serves its entity."""
        taken = np.fromiter(map(self._takes, entities), np.bool_, len(matrix))
        tried = _tried(self._challenger, matrix[taken])
        if tried is None:
            return _served_by(self._champion, matrix)
        probabilities = np.empty(len(matrix))
        probabilities[taken] = tried
        probabilities[~taken] = self._champion.score(matrix[~taken])
        models = [self._challenger if one else self._champion for one in taken.tolist()]
        return zip(models, probabilities.tolist(), repeat(NO_SHADOW))


def _served_by(model: Scorer, matrix: Matrix) -> Scores:
    return zip(repeat(model), model.score(matrix).tolist(), repeat(NO_SHADOW))


def _tried(challenger: Scorer, matrix: Matrix) -> Matrix | None:
    """The challenger's probabilities; None where it gives none."""
    try:
        probabilities = challenger.score(matrix)
    except Exception as error:  # noqa: BLE001 - a model on trial must not stop what is in service
        problem = str(error)
    else:
        if ((probabilities >= 0) & (probabilities <= 1)).all():
            return probabilities
        problem = "it gives no probabilities"
    CHALLENGER_FAILURES.inc()
    log.warning("the challenger cannot score", version=challenger.version, problem=problem)
    return None
