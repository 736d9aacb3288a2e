"""The form of a record on `serving-features`: who is to be scored, when, and on what features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pipeline.declaration import UseCase
from pipeline.events import Event
from pipeline.times import format_time

SCHEMA_VERSION = 1


class RequestEncoder:
    """Writes score requests of one use case as JSON."""

    def __init__(self, case: UseCase) -> None:
        numbers = [f"value_{position}" for position in range(len(case.features))]
        self._features: Any = msgspec.defstruct(
            "Features",
            [(name, float) for name in numbers],
            rename=dict(zip(numbers, case.features, strict=True)),
            gc=False,
        )
        self._request: Any = msgspec.defstruct(
            "Request",
            [
                ("schema_version", int),
                ("entity", str),
                ("event_type", str),
                ("event_time", str),
                ("as_of", str),
                ("lookups", dict),
                ("features", self._features),
            ],
            rename={"entity": case.entity},
            gc=False,
        )
        self._encode = msgspec.json.Encoder().encode

    def encode(
        self, event: Event, as_of: int, lookups: Mapping[str, str], values: Sequence[float]
    ) -> bytes:
        """The request that `event` causes; `values` are its entity's features as of `as_of`."""
        return self._encode(
            self._request(
                SCHEMA_VERSION,
                event.entity,
                event.event_type,
                event.time,
                event.time if as_of == event.at else format_time(as_of),
                lookups,
                self._features(*values),
            )
        )
