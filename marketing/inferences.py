"""Reads records of `inferences`: whose score it is, how high, as of when, and by which model."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.offers.deciding import Score
from pipeline.rejection import refuse_longer
from pipeline.times import parse_canonical
from pipeline.validation import check_entity

_UNREADABLE = "not_an_inference"


class Inference(msgspec.Struct, frozen=True, gc=False):
    """A score, when it was made (microseconds, and as it was written), and by which model."""

    score: Score
    scored_at: int
    scored_at_text: str
    as_of_text: str
    model: str
    version: str


class InferenceDecoder:
    """Reads the inferences of one use case."""

    def __init__(self, case: UseCase) -> None:
        self._entity = case.entity
        self._decode = msgspec.json.Decoder(_wanted_of(case)).decode

    def decode(self, value: bytes | None) -> Inference:
        """The inference in `value`. Raises DataError for what is none, or says not as of when."""
        text = value or b""
        refuse_longer(text)
        try:
            found = self._decode(text)
            as_of = found.as_of or found.event_time or ""
            at, scored_at = parse_canonical(as_of), parse_canonical(found.scored_at)
        except (ValueError, RecursionError):  # of JSON, of bytes, of a time, and of nesting
            raise DataError(_UNREADABLE) from None
        check_entity(found.entity, self._entity)
        score = Score(found.entity, at, found.probability)
        return Inference(score, scored_at, found.scored_at, as_of, found.model, found.version)


def _wanted_of(case: UseCase) -> Any:
    """What is read of an inference; the rest is passed over."""
    return msgspec.defstruct(
        "Wanted",
        [
            ("entity", str),
            ("probability", float),
            ("scored_at", str),
            ("model", str),
            ("version", str),
            ("as_of", str | None, None),
            ("event_time", str | None, None),
        ],
        rename={"entity": case.entity},
        gc=False,
    )
