"""The AsyncAPI document of a case's topics: what each record on them is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.declaration import UseCase
from pipeline.topics import Topics, mails_of, offers_of
from serving.http.schemas import event_schema

_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NOT: dict[str, Any] = {"type": ["string", "null"]}
_NUMBER: dict[str, Any] = {"type": "number"}
_PROBABILITY = {**_NUMBER, "minimum": 0, "maximum": 1}
_ORIGIN = {"origin": {**_TEXT, "description": "topic-id/partition/offset/index of the cause"}}
_REASONS = dict.fromkeys(("stage", "reason", "detail"), _TEXT)
_CONTROL = {
    "title": "control",
    "type": "object",
    "required": ["control"],
    "properties": {"control": _TEXT},
}

Document = dict[str, Any]


def asyncapi(case: UseCase, version: str) -> Document:
    """Every topic of the case as a channel, by its name; those of offers are there where used."""
    topics = Topics.of(case)
    canonical = replace(case, events=tuple(replace(one, aliases=()) for one in case.events))
    channels = {
        topics.generated: _channel("an event as its source has it", event_schema(case), {}),
        topics.incoming: _channel(
            "a canonical event, or a control record with the header kind",
            {"anyOf": [*event_schema(canonical)["oneOf"], _CONTROL]},
            _ORIGIN,
        ),
        topics.features: _channel(
            "the features of an entity to be scored, or a control record: it is erased",
            {"anyOf": [_serving(case), _CONTROL]},
            _ORIGIN,
        ),
        topics.inferences: _channel(
            "a score, with its inputs, or a control record: an entity is erased",
            {"anyOf": [_inference(case), _CONTROL]},
            _ORIGIN,
        ),
        topics.rejected: _channel("the original bytes, whatever they are", {}, _ORIGIN | _REASONS),
        offers_of(case): _channel("a decision about an offer", _offer(case), _ORIGIN),
        mails_of(case): _channel("what became of an e-mail", _mail(case), _ORIGIN),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": case.name, "version": version},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"read {name}": {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
            for name in channels
        },
    }


def _channel(about: str, payload: Document, headers: Mapping[str, Document]) -> Document:
    message: Document = {"summary": about, "payload": payload}
    if headers:
        message["headers"] = {"type": "object", "properties": dict(headers)}
    return {"messages": {"record": message}}


def _serving(case: UseCase) -> Document:
    times = dict.fromkeys(("event_type", "event_time", "as_of"), _TEXT)
    return _object({**_whose(case), **times, **_read(case)})


def _inference(case: UseCase) -> Document:
    known = dict.fromkeys(("event_type", "event_time", "as_of"), _TEXT_OR_NOT)
    names = ("id", "scored_at", "model", "version", "model_hash", "decision")
    numbers = {"probability": _PROBABILITY, "feature_age": _NUMBER}
    texts = dict.fromkeys(names, _TEXT)
    return _object({**_whose(case), **known, **texts, **numbers, **_read(case)})


def _offer(case: UseCase) -> Document:
    texts = ("id", "decided_at", "as_of", "model", "version", "campaign")
    told = {
        "probability": _PROBABILITY,
        "offer": {"enum": ["yes", "no"]},
        "reason": _TEXT_OR_NOT,
        "contacts": _TEXT_OR_NOT,
    }
    return _object({**_whose(case), **dict.fromkeys(texts, _TEXT), **told})


def _mail(case: UseCase) -> Document:
    outcome = {"enum": ["sent", "withheld", "refused", "unknown"]}
    told = {"id": _TEXT, "at": _TEXT, "outcome": outcome, "reason": _TEXT_OR_NOT}
    return _object({**_whose(case), **told})


def _whose(case: UseCase) -> Document:
    return {"schema_version": {"const": 1}, case.entity: _TEXT}


def _read(case: UseCase) -> Document:
    return {
        "lookups": {"type": "object", "additionalProperties": _TEXT},
        "features": _object(dict.fromkeys(case.features, _NUMBER)),
    }


def _object(properties: Document) -> Document:
    required: Sequence[str] = list(properties)
    return {"type": "object", "required": required, "properties": properties}
