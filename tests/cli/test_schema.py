"""`pipeline schema`: documents that agree with what the stages read and write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it has no types
import orjson
import pytest

import use_cases
from cli.asyncapi import asyncapi
from generator.stream import world_of
from pipeline.declaration import UseCase
from pipeline.events import EventDecoder
from pipeline.fold import Fold
from pipeline.topics import Topics
from pipeline.validation import Validator
from pipeline.world import WORLD_END, WorldSize
from stream_features.requests import RequestEncoder
from tests.cli.helpers import Run


@pytest.fixture(params=use_cases.streams())
def streamed(request: pytest.FixtureRequest) -> UseCase:
    return use_cases.load(request.param)


def valid(payload: Mapping[str, Any], raw: bytes) -> bool:
    return bool(jsonschema.Draft202012Validator(payload).is_valid(orjson.loads(raw)))


def payload_of(case: UseCase, topic: str) -> dict[str, Any]:
    channels = asyncapi(case, "1")["channels"]
    found: dict[str, Any] = channels[topic]["messages"]["record"]["payload"]
    return found


def test_every_event_of_its_world_is_of_the_schema_and_so_is_what_the_handler_makes_of_it(
    streamed: UseCase,
) -> None:
    topics, validator = Topics.of(streamed), Validator(streamed)
    world = world_of(streamed.name)(WorldSize(users=5, events=20, seed=1))
    generated, incoming = (payload_of(streamed, one) for one in (topics.generated, topics.incoming))
    for record in world.events():
        assert valid(generated, record.value or b"")
        assert valid(incoming, validator.canonical(record.value, WORLD_END).value)


def test_an_event_without_its_type_is_not_of_the_schema(streamed: UseCase) -> None:
    payload = payload_of(streamed, Topics.of(streamed).generated)
    assert not valid(payload, b'{"event_time": "2026-01-02T03:04:05Z"}')


def test_a_serving_record_is_of_its_topic_s_schema(streamed: UseCase) -> None:
    world = world_of(streamed.name)(WorldSize(users=1, events=5, seed=1))
    raw = Validator(streamed).canonical(next(iter(world.events())).value, WORLD_END).value
    event, fold = EventDecoder(streamed).decode(raw), Fold(streamed)
    values = fold.values(fold.empty(), event.at)
    record = RequestEncoder(streamed).encode(event, event.at, {}, values)
    payload = payload_of(streamed, Topics.of(streamed).features)
    assert valid(payload, record)
    assert not valid(payload, record.replace(b'"as_of"', b'"so_of"'))


def test_every_topic_is_a_channel(streamed: UseCase) -> None:
    topics = Topics.of(streamed)
    assert set(asyncapi(streamed, "1")["channels"]) == {topics.generated, *topics.ours}


@pytest.mark.parametrize(
    ("option", "mark"),
    [("--json", "$schema"), ("--asyncapi", "asyncapi"), ("--openapi", "openapi")],
)
def test_each_document_is_printed_as_json(run: Run, option: str, mark: str) -> None:
    assert mark in json.loads(run("schema", option).output)


@pytest.mark.parametrize("options", [(), ("--json", "--openapi")])
def test_exactly_one_document_is_asked_for(run: Run, options: tuple[str, ...]) -> None:
    assert run("schema", *options).status == 2
