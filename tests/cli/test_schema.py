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
from marketing.mailing.orders import Order
from marketing.mailing.outcome import Fate, Outcome, entry_of, record_of
from pipeline.control import erase_record
from pipeline.declaration import UseCase
from pipeline.events import EventDecoder
from pipeline.fold import Fold
from pipeline.topics import Topics, mails_of, offers_of
from pipeline.validation import Validator
from pipeline.world import WORLD_END, WorldSize
from stream_features.requests import RequestEncoder
from tests.cli.helpers import Run
from tests.marketing.rig import inference
from tests.marketing.test_core import Rig
from use_cases.first_day_churn import USE_CASE


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


def test_an_erasure_is_of_the_schema_of_each_topic_that_it_passes(streamed: UseCase) -> None:
    topics, erasure = Topics.of(streamed), erase_record("u1").value or b""
    for topic in (topics.incoming, topics.features, topics.inferences):
        assert valid(payload_of(streamed, topic), erasure)
    assert not valid(payload_of(streamed, offers_of(streamed)), erasure)


def test_every_topic_is_a_channel(streamed: UseCase) -> None:
    topics = Topics.of(streamed)
    offers = {offers_of(streamed), mails_of(streamed)}
    assert set(asyncapi(streamed, "1")["channels"]) == {topics.generated, *topics.ours, *offers}


async def test_a_decision_about_an_offer_is_of_its_topic_s_schema() -> None:
    marketing = Rig(inference("a"), inference("nobody"))
    assert {reason for _, reason in await marketing.decided()} == {None, "no_contact"}
    payload = payload_of(USE_CASE, offers_of(USE_CASE))
    for record in marketing.writer.effective(offers_of(USE_CASE)):
        assert valid(payload, record.value or b"")
    assert not valid(payload, b'{"offer": "perhaps"}')


@pytest.mark.parametrize("fate", Fate)
def test_what_became_of_an_e_mail_is_of_its_topic_s_schema(fate: Fate) -> None:
    order = Order("t/0/1/0", "a", WORLD_END, 0.9, is_yes=True)
    payload = payload_of(USE_CASE, mails_of(USE_CASE))
    assert valid(payload, record_of(USE_CASE, order, entry_of(Outcome(fate, "550"), WORLD_END)))
    assert not valid(payload, b'{"outcome": "sent"}')


@pytest.mark.parametrize(
    ("option", "mark"),
    [("--json", "$schema"), ("--asyncapi", "asyncapi"), ("--openapi", "openapi")],
)
def test_each_document_is_printed_as_json(run: Run, option: str, mark: str) -> None:
    assert mark in json.loads(run("schema", option).output)


@pytest.mark.parametrize("options", [(), ("--json", "--openapi")])
def test_exactly_one_document_is_asked_for(run: Run, options: tuple[str, ...]) -> None:
    assert run("schema", *options).status == 2
