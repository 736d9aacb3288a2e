"""Features and scores of entities, read from what the stream keeps, as of the moment of asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np

from pipeline.clock import Clock
from pipeline.declaration import UseCase
from pipeline.features import FeatureCodec, FeatureState
from pipeline.store.states import StateReader
from pipeline.together import AT_ONCE, Turn
from serving.scorer import Holder, Scorer


class Known(msgspec.Struct, frozen=True, gc=False):
    """An entity's features as of `as_of`, in the declaration's order; `newest` is its newest event.

    Times are microseconds.
    """

    values: list[float | int]
    as_of: int
    newest: int

    @property
    def age(self) -> float:
        """Seconds since its newest event."""
        return (self.as_of - self.newest) / 1e6


class Scored(msgspec.Struct, frozen=True, gc=False):
    """An entity's score, by which model, on which features."""

    known: Known
    probability: float
    decision: str
    model: Scorer


class StoredFeatures:
    """What is known of the entities of one use case; `turn` is what a read has to wait for."""

    def __init__(
        self, case: UseCase, reader: StateReader, clock: Clock, turn: Turn = AT_ONCE
    ) -> None:
        self.case = case
        self.turn = turn
        self._codec = FeatureCodec(case)
        self._reader = reader
        self._clock = clock

    async def known(self, names: Sequence[str]) -> dict[str, Known]:
        """Those of the entities that have features. Raises InfrastructureError and Refusal."""
        states = await self._reader.read(names)
        now = self._clock.now()
        return {name: self._read(state, now) for name, state in states.items()}

    def _read(self, state: FeatureState, now: int) -> Known:
        """Not before its newest event: what older windows held is gone by then."""
        as_of = max(state.newest, now)
        return Known(self._codec.values(state, as_of), as_of, state.newest)


class StoredScores:
    """Scores of the entities of one use case that has a model."""

    def __init__(self, features: StoredFeatures, holder: Holder) -> None:
        self._features = features
        self._holder = holder
        case = features.case
        self._inputs: Any = itemgetter(*map(case.features.index, case.inputs))

    async def scores(self, names: Sequence[str]) -> Mapping[str, Scored]:
        """Those of the entities that have features, each by the model that serves it."""
        known = await self._features.known(names)
        if not known:
            return {}
        rows = [self._inputs(one.values) for one in known.values()]
        matrix = np.asarray(rows, dtype=np.float64).reshape(len(known), -1)
        found = self._holder.lineup.score(known, matrix)
        return {
            name: _scored(one, probability, model)
            for (name, one), (model, probability, _) in zip(known.items(), found, strict=True)
        }


def _scored(known: Known, probability: float, model: Scorer) -> Scored:
    return Scored(known, probability, model.decide(probability), model)
