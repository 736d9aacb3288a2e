"""Bodies that nobody can read are told to be so, by every route that takes JSON."""

from __future__ import annotations

import orjson
import pytest

import use_cases
from serving.http.tensors import FormTensors
from tests.serving.http.rig import Service, reasons

DEEP = b"[" * 100_000 + b"]" * 100_000
BODIES = {
    "nothing": b"",
    "no UTF-8": b"\xff",
    "no UTF-8 in a text": b'{"user_ids": ["\xff"]}',
    "nested too deeply": DEEP,
    "nested too deeply in a field": b'{"x": ' + DEEP + b"}",
}
PATHS = (
    "/predict",
    "/v1/customer",
    "/users/scores",
    "/events",
    "/offers",
    "/v2/models/telecom_churn/infer",
)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_cannot_be_read_is_told_to_be_so(path: str, body: bytes) -> None:
    async with Service().caller() as caller:
        answer = await caller.post(path, content=body)
    assert answer.status_code == 422, answer.text


async def test_a_tensor_of_texts_that_are_no_utf_8_is_told_to_be_so() -> None:
    whole = orjson.dumps({"inputs": FormTensors(use_cases.load_form("telecom_churn")).example})
    body = whole.replace(b"Month-to-month", b"\xff")
    assert body != whole
    async with Service().caller() as caller:
        answer = await caller.post("/v2/models/telecom_churn/infer", content=body)
    assert (answer.status_code, reasons(answer)) == (422, [("Contract", "not_texts")])
