"""Writes records of `inferences`: a score with all that it was made of."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.declaration import UseCase
from serving.requests import ScoreRequest
from serving.scorer import Scorer, Shadow

SCHEMA_VERSION = 1

Inference = Any
"""A struct whose fields are those of the JSON record; the entity's is called `entity`."""

encode = msgspec.json.Encoder().encode
"""An inference as JSON."""


class Inferences:
    """Makes the inferences of one use case."""

    def __init__(self, case: UseCase) -> None:
        self._inference: Any = _inference_type(case)

    def make(
        self,
        request: ScoreRequest,
        inference_id: str,
        model: Scorer,
        probability: float,
        scored_at: str,
        feature_age: float,
        shadow: Shadow,
    ) -> Inference:
        """What came of `request`; `feature_age` in seconds."""
        return (
            self._inference(  # by position, in the order of its fields: by name costs as much again
                SCHEMA_VERSION,
                inference_id,
                scored_at,
                request.entity,
                request.event_type,
                request.event_time,
                request.as_of,
                model.name,
                model.version,
                model.hash,
                request.lookups,
                request.features,
                probability,
                model.decide(probability),
                feature_age,
                *shadow,
            )
        )


def _inference_type(case: UseCase) -> Any:
    text = str | None
    return msgspec.defstruct(
        "Inference",
        [
            ("schema_version", int),
            ("id", str),
            ("scored_at", str),
            ("entity", str),
            ("event_type", text),
            ("event_time", text),
            ("as_of", text),
            ("model", str),
            ("version", str),
            ("model_hash", str),
            ("lookups", msgspec.Raw),
            ("features", msgspec.Raw),
            ("probability", float),
            ("decision", str),
            ("feature_age", float),
            ("shadow_version", str | msgspec.UnsetType, msgspec.UNSET),
            ("shadow_hash", str | msgspec.UnsetType, msgspec.UNSET),
            ("shadow_probability", float | msgspec.UnsetType, msgspec.UNSET),
        ],
        rename={"entity": case.entity},
        gc=False,
    )
