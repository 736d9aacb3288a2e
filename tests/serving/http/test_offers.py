"""POST /offers decides as marketing does, and tells what is wrong with a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from pipeline.offers.contacts import Table
from pipeline.offers.deciding import Contact, Policy
from serving.http.offers import OfferRules
from tests.marketing.rig import contact
from tests.serving.http.rig import FAR, Service, reasons
from use_cases import load_form

FORM = load_form("telecom_churn")
ANYBODY = Policy(threshold=0, hold_out=0, quiet_from=0, quiet_until=0)


def customer(name: Any = "c1", **changes: Any) -> dict[str, Any]:
    return {"customerID": name, **FORM.example, **changes}


def service(*, policy: Policy = ANYBODY, **contacts: Contact) -> Service:
    """One whose contacts are these; none cannot be read."""
    found = Service()
    table = Table("v1", contacts) if contacts else None
    found.parts = replace(found.parts, offers=OfferRules(policy, lambda: table))
    return found


async def asked(asking: Service, *customers: Any, body: Any = None) -> httpx.Response:
    async with asking.caller() as client:
        return await client.post("/offers", json=body or {"customers": list(customers)})


async def test_each_customer_is_decided_in_their_order() -> None:
    asking = service(c1=contact(), c2=contact(harm=True))
    found = (await asked(asking, customer("c1"), customer("c2"), customer("c3"))).json()["offers"]
    assert [(one["customerID"], one["offer"], one["reason"]) for one in found] == [
        ("c1", "yes", None),
        ("c2", "no", "harm"),
        ("c3", "no", "no_contact"),
    ]


async def test_the_score_is_that_of_the_churn_route() -> None:
    asking = service(c1=contact())
    (found,) = (await asked(asking, customer())).json()["offers"]
    async with asking.caller() as client:
        alone = await client.post("/v1/customer?detail=true", json=FORM.example)
    assert found["probability"] == alone.json()["probability"]


async def test_without_readable_contacts_nobody_gets_an_offer() -> None:
    (found,) = (await asked(service(), customer())).json()["offers"]
    assert (found["offer"], found["reason"]) == ("no", "flags_unreadable")


async def test_a_stranger_is_told_of_nobody_s_flags() -> None:
    async with service(c1=contact()).caller(FAR) as client:
        answer = await client.post("/offers", json={"customers": [customer()]})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (customer(""), ("customerID", "empty_entity")),
        (customer(None), ("customerID", "missing_entity")),
        (customer(7), ("customerID", "entity_not_text")),
        (customer(tenure="long"), ("tenure", "invalid_field")),
    ],
)
async def test_a_wrong_customer_is_named_by_row_and_field(
    wrong: dict[str, Any], told: tuple[str, str]
) -> None:
    answer = await asked(service(c1=contact()), customer(), wrong)
    assert (answer.status_code, reasons(answer)) == (422, [told])
    assert answer.json()["errors"][0]["row"] == 2


@pytest.mark.parametrize("body", [[], {"customers": []}, {"customers": [1]}, {"customers": "c"}])
async def test_what_is_no_list_of_customers_is_refused(body: Any) -> None:
    answer = await asked(service(c1=contact()), body=body or {"customers": {}})
    assert (answer.status_code, reasons(answer)[0][0]) == (422, "customers")


async def test_too_many_customers_are_refused() -> None:
    answer = await asked(service(c1=contact()), *([customer()] * 1_001))
    assert reasons(answer) == [("customers", "wrong_number_of_customers")]
