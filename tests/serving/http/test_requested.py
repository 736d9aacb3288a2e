"""Customers and subscribers: scored from the request, or told by field what is wrong with it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client import REGISTRY

import use_cases
from pipeline.registry import Aliases, write_aliases
from serving.http.models import Models
from tests.serving.http.rig import MODELS, NO_MODELS, Service, models, reasons

CUSTOMER = dict(use_cases.load_form("telecom_churn").example)
SUBSCRIBER = dict(use_cases.load_form("subscription_churn").example)
ROUTES = pytest.mark.parametrize(
    ("path", "request_"), [("/v1/customer", CUSTOMER), ("/predict", SUBSCRIBER)]
)


async def posted(path: str, body: Mapping[str, Any] | bytes) -> httpx.Response:
    async with Service().caller() as caller:
        if isinstance(body, bytes):
            return await caller.post(path, content=body)
        return await caller.post(path, json=body)


async def test_a_customer_s_answer_is_exactly_the_prediction() -> None:
    scorer = models().forms["telecom_churn"].current
    probability = scorer.score([scorer.decode(CUSTOMER)])[0]
    answer = await posted("/v1/customer", CUSTOMER)
    assert answer.status_code == 200
    assert answer.json() == {"Prediction": scorer.decide(probability)}


async def test_both_predictions_occur() -> None:
    leaving = {"tenure": 1, "Contract": "Month-to-month", "InternetService": "Fiber optic"}
    staying = {"tenure": 70, "Contract": "Two year", "InternetService": "No"}
    answers = [await posted("/v1/customer", {**CUSTOMER, **one}) for one in (leaving, staying)]
    assert [one.json()["Prediction"] for one in answers] == ["churn", "no churn"]


async def test_with_detail_the_answer_says_by_which_model_and_why() -> None:
    scorer = models().forms["telecom_churn"].current
    row = scorer.decode(CUSTOMER)
    answer = (await posted("/v1/customer?detail=true", CUSTOMER)).json()
    assert answer["probability"] == scorer.score([row])[0]
    assert (answer["model"], answer["version"]) == (scorer.name, scorer.version)
    assert [one["field"] for one in answer["reasons"]] == [one.field for one in scorer.reasons(row)]


async def test_detail_is_true_or_false() -> None:
    answer = await posted("/v1/customer?detail=yes", CUSTOMER)
    assert (answer.status_code, reasons(answer)) == (422, [("detail", "not_a_flag")])


async def test_a_subscriber_s_answer_is_a_flag_and_a_probability() -> None:
    scorer = models().forms["subscription_churn"].current
    probability = scorer.score([scorer.decode(SUBSCRIBER)])[0]
    answer = (await posted("/predict", SUBSCRIBER)).json()
    flag = int(scorer.decide(probability) == "churn")
    assert answer == {"churn": flag, "probability": probability}


async def test_an_empty_total_of_a_new_customer_means_nothing_was_paid_and_is_counted() -> None:
    version = models().forms["telecom_churn"].current.version
    labels = {"model": "telecom_churn", "version": version, "feature": "TotalCharges"}
    before = REGISTRY.get_sample_value("pipeline_missing_features_total", labels) or 0
    new = {**CUSTOMER, "tenure": 0}
    empty = await posted("/v1/customer?detail=true", {**new, "TotalCharges": ""})
    zero = await posted("/v1/customer?detail=true", {**new, "TotalCharges": 0})
    assert empty.json() == zero.json()
    after = REGISTRY.get_sample_value("pipeline_missing_features_total", labels)
    assert after == before + 1


async def test_each_wrong_field_is_named_with_what_it_must_be() -> None:
    wrong = {**CUSTOMER, "Contract": "Weekly", "tenure": -1}
    del wrong["Partner"]
    answer = await posted("/v1/customer", wrong)
    assert answer.status_code == 422
    told = {one["field"]: one["detail"] for one in answer.json()["errors"]}
    assert told.keys() == {"Contract", "tenure", "Partner"}
    assert told["Contract"] == "must be one of Month-to-month, One year, Two year"
    assert "Weekly" not in answer.text


@ROUTES
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"a": NaN}', b"\xff", b"[" * 9_999])
async def test_what_is_no_object_is_refused(
    path: str,
    request_: Mapping[str, Any],  # noqa: ARG001 - the routes come with one
    body: bytes,
) -> None:
    answer = await posted(path, body)
    assert (answer.status_code, reasons(answer)) == (422, [("", "not_an_object")])


@ROUTES
@pytest.mark.parametrize(
    "value", [None, True, [], {}, "text", "", 1e300, -1e300, 0.5, 10**400, -(10**18)]
)
async def test_no_value_of_any_field_makes_the_service_fail(
    path: str, request_: Mapping[str, Any], value: Any
) -> None:
    async with Service().caller() as caller:
        for name in request_:
            answer = await caller.post(path, json={**request_, name: value})
            assert answer.status_code in (200, 422), name
            if answer.status_code == 422:
                assert [field for field, _ in reasons(answer)] == [name]


@ROUTES
async def test_without_a_model_the_answer_says_so(path: str, request_: Mapping[str, Any]) -> None:
    async with Service(models=NO_MODELS).caller() as caller:
        answer = await caller.post(path, json=request_)
    assert (answer.status_code, reasons(answer)) == (503, [("", "no_model")])


@pytest.mark.parametrize("name", use_cases.forms())
async def test_tensors_of_many_requests_are_scored_like_each_request(name: str) -> None:
    form, scorer = use_cases.load_form(name), models().forms[name].current
    rows = 100
    async with Service().caller() as caller:
        metadata = (await caller.get(f"/v2/models/{name}")).json()
        inputs = [
            {**shape, "shape": [rows], "data": [form.example[shape["name"]]] * rows}
            for shape in metadata["inputs"]
        ]
        answer = await caller.post(f"/v2/models/{name}/infer", json={"inputs": inputs})
    expected = scorer.score([scorer.decode(form.example)])
    assert answer.json()["outputs"][0]["data"] == np.repeat(expected, rows).tolist()


async def test_a_wrong_value_in_a_tensor_is_named_by_field_and_row() -> None:
    inputs = [
        {
            "name": name,
            "shape": [2],
            "datatype": "BYTES" if isinstance(value, str) else "FP64",
            "data": [value, "Weekly" if name == "Contract" else value],
        }
        for name, value in CUSTOMER.items()
    ]
    answer = await posted("/v2/models/telecom_churn/infer", {"inputs": inputs})
    assert answer.status_code == 422
    assert [(one["field"], one["row"]) for one in answer.json()["errors"]] == [("Contract", 2)]


async def test_it_answers_by_the_champion_that_the_aliases_name_meanwhile(tmp_path: Path) -> None:
    shutil.copytree(MODELS, tmp_path, dirs_exist_ok=True)
    own = Models.load(tmp_path)
    service = Service(models=own)
    for version in ("1", "2"):
        write_aliases(tmp_path, "telecom_churn", Aliases(champion=version))
        own.follow()
        async with service.caller() as caller:
            answer = await caller.post("/v1/customer?detail=true", json=CUSTOMER)
        assert answer.json()["version"] == version
