"""What the OpenAPI document says is held against the service, with requests made up from it.

The real application, in this process, on fakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from pipeline.settings import HttpSettings
from serving.http.asgi import Application, AsgiScope, Receive, Send
from serving.http.keys import new_key, write_keys
from tests.serving.http.rig import FAR, USER, Service, folded

COMPLETELY_DESCRIBED = {"/v1/customer", "/predict"}
"""Routes whose schema tells all that a request must keep to; a model's tensors, the rows of a
table and the form of a time are told in words."""

FEW = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
MANY = settings(FEW, max_examples=200, derandomize=False)


@dataclass(frozen=True)
class From:
    """An application whose every caller asks from an address."""

    app: Application
    address: tuple[str, int]

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "client": self.address, "server": ("192.0.2.1", 80)}
        await self.app(scope, receive, send)


def described(service: Service) -> BaseSchema:
    asyncio.run(service.hold(USER, folded()))
    return schemathesis.openapi.from_asgi("/openapi.json", From(service.app, FAR))


@pytest.fixture(scope="module")
def with_keys(tmp_path_factory: pytest.TempPathFactory) -> BaseSchema:
    """A service that wants a key, and gets it with each request."""
    secret, key = new_key("shop", ["admin"])
    path: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    write_keys(path, [key])
    found = described(
        Service(settings=HttpSettings(keys_file=str(path), rate=1e9, address_rate=1e9))
    )
    found.config.update(headers={"Authorization": f"Bearer {secret}"})
    return found


@pytest.fixture(scope="module")
def without_keys() -> BaseSchema:
    """A service that strangers ask, and that has no keys."""
    return described(Service(settings=HttpSettings(host="0.0.0.0", address_rate=1e9)))


def try_all(schema: BaseSchema, effort: settings, check: Callable[[Case[Any]], None]) -> None:
    """Check each route with requests that fit its description, and with some that do not."""
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        modes = GenerationMode if operation.body else [GenerationMode.POSITIVE]
        for mode in modes:
            effort(given(operation.as_strategy(generation_mode=mode))(check))()


def as_described(case: Case[Any]) -> None:
    """The answer must be as the document says, and fit what was sent."""
    answer = case.call()
    complete = case.operation.path in COMPLETELY_DESCRIBED
    case.validate_response(answer, excluded_checks=[] if complete else [positive_data_acceptance])
    if case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        assert answer.status_code != HTTPStatus.UNAUTHORIZED  # the key has gone along


def closed(case: Case[Any]) -> None:
    """It must be refused, unless it is meant for strangers."""
    stored = case.operation.path.startswith(("/users", "/events", "/offers"))
    assert (case.call().status_code == 403) == stored


def test_every_answer_is_as_the_document_says(with_keys: BaseSchema) -> None:
    try_all(with_keys, FEW, as_described)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_answer_is_as_the_document_says_at_length(with_keys: BaseSchema) -> None:
    try_all(with_keys, MANY, as_described)


def test_whatever_a_stranger_sends_users_events_and_offers_stay_closed(
    without_keys: BaseSchema,
) -> None:
    try_all(without_keys, FEW, closed)
