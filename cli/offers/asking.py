"""The classical way: customers from a file, their scores from the churn API, the same decisions."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import msgspec

from cli.endings import Failed
from pipeline.declaration.form import Form, Quantity
from pipeline.errors import InfrastructureError, Refusal
from pipeline.offers.contacts import CUSTOMER
from pipeline.offers.deciding import NEW, Contacts, Decision, Policy, Score, decide
from pipeline.settings import Secret

ROUTES = {"telecom_churn": "/v1/customer?detail=true", "subscription_churn": "/predict"}
"""Where each case is scored."""

_AT_ONCE = 8
_TIMEOUT_SECONDS = 30.0
_TRIES, _LONGEST_PAUSE = 10, 5.0
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_NOT_ALLOWED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

Customer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """What a customer gets, or why that cannot be said."""

    customer: str
    decision: Decision | None = None
    probability: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """By what is decided: nothing is remembered of a customer, and nothing will be."""

    policy: Policy
    contacts: Contacts | None
    now: int


def customers_in(path: Path, form: Form) -> list[Customer]:
    """The customers of a CSV file with a header, or of a JSON file with a list. Raises Failed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from error
    try:
        if path.suffix == ".json":
            return [*msgspec.json.decode(content, type=list[dict[str, Any]])]
        rows = csv.DictReader(content.decode("utf-8-sig").splitlines(), strict=True)
        return [_typed(form, row) for row in rows]
    except (msgspec.DecodeError, UnicodeDecodeError, csv.Error, RecursionError) as error:
        raise Failed(f"{path} is neither a CSV table nor a JSON list of objects") from error


async def ask_all(
    client: httpx.AsyncClient, form: Form, customers: Sequence[Customer], rules: Rules
) -> list[Decided]:
    """A decision for each, in their order. Raises InfrastructureError, and Refusal for a key."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(customer: Customer) -> Decided:
        async with room:
            return await _decided(client, form, customer, rules)

    return await asyncio.gather(*map(one, customers))


def client_of(url: str, key: Secret) -> httpx.AsyncClient:
    """A client of the churn API."""
    headers = {"authorization": f"Bearer {key.value}"} if key.value else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS)


async def _decided(
    client: httpx.AsyncClient, form: Form, customer: Customer, rules: Rules
) -> Decided:
    name = str(customer.get(CUSTOMER) or "")
    request = {field: customer[field] for field in form.names if field in customer}
    answer = await _answer(client, ROUTES[form.name], request)
    if not name:
        return Decided(name, error=f"{CUSTOMER} is missing")
    if answer.status_code != HTTPStatus.OK:
        return Decided(name, error=_said(answer))
    probability = float(answer.json()["probability"])
    score = Score(name, rules.now, probability)
    decision = decide(score, rules.contacts, NEW, rules.policy, rules.now)
    return Decided(name, decision, probability)


async def _answer(client: httpx.AsyncClient, route: str, request: Customer) -> httpx.Response:
    for _ in range(_TRIES):
        try:
            answer = await client.post(route, json=request)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise InfrastructureError(
                f"the churn API at {client.base_url} does not answer: {type(error).__name__}"
            ) from error
        if answer.status_code in _NOT_ALLOWED:
            raise Refusal("the churn API does not let us ask", "Set PIPELINE_OFFERS_API_KEY")
        if answer.status_code not in _BUSY:
            return answer
        await asyncio.sleep(min(float(answer.headers.get("retry-after", 1)), _LONGEST_PAUSE))
    raise InfrastructureError(f"the churn API at {client.base_url} is too busy, or has no model")


def _said(answer: httpx.Response) -> str:
    """Each field at fault, and what it must be."""
    try:
        issues = answer.json()["errors"]
        return "; ".join(f"{one.get('field', '')}: {one.get('detail', '')}" for one in issues)
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"the churn API answers {answer.status_code}"


def _typed(form: Form, row: Mapping[str, str]) -> Customer:
    """Cells as the API takes them: texts of numbers as numbers, where they are some."""
    numbers = {field.name for field in form.fields if isinstance(field, Quantity)}
    return {name: _number(cell) if name in numbers else cell for name, cell in row.items()}


def _number(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except (TypeError, ValueError):
            continue
    return cell
