"""An entity's latest score: which fields of an inference are kept, and as which text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.times import format_time

SCORE_FIELDS = (
    "probability",
    "decision",
    "model",
    "version",
    "model_hash",
    "event_time",
    "as_of",
    "scored_at",
    "inference_id",
)
LOGGED_FIELDS = tuple("id" if name == "inference_id" else name for name in SCORE_FIELDS)
"""The same as columns of the log of inferences."""

_TIMES = frozenset({"event_time", "as_of", "scored_at"})


def score_values(inference: Mapping[str, Any]) -> list[str | bytes]:
    """The values of `SCORE_FIELDS`, out of an inference as it is written."""
    values = {**inference, "inference_id": inference["id"]}
    return [_text(values[name]) for name in SCORE_FIELDS]


def logged_score_values(row: Mapping[str, Any]) -> list[str | bytes]:
    """The same, out of a row of the log with times in microseconds, by `LOGGED_FIELDS`."""
    return [_text(_written(name, row[name])) for name in LOGGED_FIELDS]


def _written(name: str, value: Any) -> Any:
    return format_time(value) if name in _TIMES and value is not None else value


def _text(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)
