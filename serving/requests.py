"""Reads records of `serving-features`: who is to be scored, when, and on which inputs."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.rejection import refuse_longer
from pipeline.times import parse_canonical
from pipeline.validation import check_entity


class ScoreRequest(msgspec.Struct, frozen=True, gc=False):
    """The content of a serving record; `inputs` in the order of the model's features.

    `lookups` and `features` are the JSON as it came: an inference passes them on unchanged.
    """

    entity: str
    event_type: str | None
    event_time: str | None
    as_of: str | None
    lookups: msgspec.Raw
    features: msgspec.Raw
    inputs: tuple[float, ...]


class RequestDecoder:
    """Reads the requests of one use case."""

    def __init__(self, case: UseCase) -> None:
        self._entity = case.entity
        self._request = msgspec.json.Decoder(_request_type(case)).decode
        self._inputs = msgspec.json.Decoder(_inputs_type(case)).decode

    def decode(self, value: bytes | None) -> ScoreRequest:
        """The request in `value`. Raises DataError for anything that cannot be scored."""
        text = value or b""
        refuse_longer(text)
        try:
            found = self._request(text)
            inputs = msgspec.structs.astuple(self._inputs(found.features))
            _check_text(text)
            _check_times(found)
        except (ValueError, RecursionError):  # of JSON, of bytes, of a time, and of nesting
            raise DataError("not_serving_features") from None
        check_entity(found.entity, self._entity)
        return ScoreRequest(
            found.entity,
            found.event_type,
            found.event_time,
            found.as_of,
            found.lookups,
            found.features,
            inputs,
        )


def _check_text(value: bytes) -> None:
    """Raise ValueError for what is no UTF-8: some of it is passed on unread."""
    if not value.isascii():
        value.decode()


def _check_times(request: Any) -> None:
    """Raise ValueError for a time that is none, or not as our stages write it."""
    for time in {request.event_time, request.as_of} - {None}:
        parse_canonical(time)


def _request_type(case: UseCase) -> Any:
    text = str | None
    return msgspec.defstruct(
        "Request",
        [
            ("entity", str),
            ("event_type", text, None),
            ("event_time", text, None),
            ("as_of", text, None),
            ("lookups", msgspec.Raw, msgspec.Raw(b"{}")),
            ("features", msgspec.Raw, msgspec.Raw(b"{}")),
        ],
        rename={"entity": case.entity},
        gc=False,
    )


def _inputs_type(case: UseCase) -> Any:
    names = {f"input_{position}": name for position, name in enumerate(case.inputs)}
    return msgspec.defstruct("Inputs", [(name, float) for name in names], rename=names, gc=False)
