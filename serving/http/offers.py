"""Offers for customers of a request: scored here, and decided as marketing decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.clock import Clock
from pipeline.declaration.form_reading import FormError, Row
from pipeline.errors import DataError
from pipeline.offers.contacts import CUSTOMER, Table
from pipeline.offers.deciding import NEW, USUAL, Decision, Policy, Score, decide
from pipeline.validation import MAX_ENTITY_BYTES, checked_entity
from serving.forms import FormScorer
from serving.http.answers import Answer, as_json
from serving.http.call import Call
from serving.http.operation import Access, Content, Operation
from serving.http.problems import UNREADABLE, Issue, issues_of, wrong
from serving.http.requested import Requested
from serving.http.schemas import form_schema

MOST_CUSTOMERS = 1_000
_EXAMPLE_NAME = "7590-VHVEG"


@dataclass(frozen=True, slots=True)
class OfferRules:
    """By what is decided. `contacts` may block, and tells None where they cannot be read."""

    policy: Policy = USUAL
    contacts: Callable[[], Table | None] = lambda: None


FOR_NOBODY = OfferRules()
"""Without contacts."""


class OfferRequest(msgspec.Struct, frozen=True):
    """Customers, 1,000 at most, each with the fields that are scored and a `customerID`."""

    customers: list[dict[str, Any]]


class CustomerOffer(msgspec.Struct, frozen=True, rename={"customer": CUSTOMER}):
    """Whether a customer gets an offer; the reason of a no."""

    customer: str
    offer: str
    reason: str | None
    probability: float


class CustomerOffers(msgspec.Struct, frozen=True):
    """One for each customer, in their order."""

    offers: list[CustomerOffer]


class Offers:
    """The route of offers; nothing is remembered of a customer."""

    def __init__(self, requested: Requested, rules: OfferRules, clock: Clock) -> None:
        self._requested = requested
        self._rules = rules
        self._clock = clock

    @property
    def operations(self) -> Sequence[Operation]:
        """For whoever may see what is stored: an answer tells of flags."""
        customer = {CUSTOMER: _EXAMPLE_NAME, **self._requested.form.example}
        told = CustomerOffer(_EXAMPLE_NAME, "no", Decision.NO_CONTACT.value, 0.81)
        return (
            Operation(
                method="POST",
                path="/offers",
                name="decide_offers",
                summary="Which of up to 1,000 customers get an offer, and why the others do not",
                access=Access.STORED,
                run=self._decide,
                body=(Content(self._schema(), {"customers": [customer]}),),
                answer=Content(CustomerOffers, {"offers": [msgspec.to_builtins(told)]}),
            ),
        )

    async def _decide(self, call: Call) -> Answer:
        customers = _customers(await call.body())
        scorer = self._requested.in_service()
        names, rows = _read(scorer, customers)
        probabilities = scorer.score(rows).tolist()
        table = await asyncio.to_thread(self._rules.contacts)
        found = zip(names, probabilities, strict=True)
        return as_json(CustomerOffers([self._offer(*one, table) for one in found]))

    def _offer(self, name: str, probability: float, table: Table | None) -> CustomerOffer:
        now = self._clock.now()
        score, contacts = Score(name, now, probability), table.contacts if table else None
        decision = decide(score, contacts, NEW, self._rules.policy, now)
        if decision is Decision.YES:
            return CustomerOffer(name, "yes", None, probability)
        return CustomerOffer(name, "no", decision.value, probability)

    def _schema(self) -> dict[str, Any]:
        """A list of what the form takes, each with a name."""
        name = {"type": "string", "minLength": 1, "maxLength": MAX_ENTITY_BYTES}
        one = form_schema(self._requested.form)
        one |= {
            "required": [CUSTOMER, *one["required"]],
            "properties": {CUSTOMER: name, **one["properties"]},
        }
        many = {"type": "array", "minItems": 1, "maxItems": MOST_CUSTOMERS, "items": one}
        return {"type": "object", "required": ["customers"], "properties": {"customers": many}}


def _customers(body: bytes) -> list[dict[str, Any]]:
    try:
        customers = msgspec.json.decode(body, type=OfferRequest).customers
    except UNREADABLE:
        raise wrong(Issue("not_a_list_of_customers", "customers", "a list of objects")) from None
    if not 1 <= len(customers) <= MOST_CUSTOMERS:
        raise wrong(Issue("wrong_number_of_customers", "customers", f"1 to {MOST_CUSTOMERS}"))
    return customers


def _read(
    scorer: FormScorer, customers: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[Row]]:
    """Their names and inputs. Raises Problem naming each row and field at fault."""
    names, rows, issues = list[str](), list[Row](), list[Issue]()
    for number, customer in enumerate(customers, 1):
        try:
            names.append(checked_entity(customer, CUSTOMER))
            rows.append(scorer.decode(customer))
        except FormError as error:
            issues += issues_of(error, number)
        except DataError as error:
            issues.append(Issue(error.reason, CUSTOMER, error.detail, row=number))
    if issues:
        raise wrong(*issues)
    return names, rows
