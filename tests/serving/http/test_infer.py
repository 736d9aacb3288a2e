"""The Open Inference Protocol: what it takes, what it answers, and what it refuses."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from tests.serving.http.rig import NO_MODELS, Service, models, reasons
from use_cases.first_day_churn import USE_CASE

NAME = USE_CASE.name
WIDTH = len(USE_CASE.inputs)
PATH = f"/v2/models/{NAME}/infer"


def matrix(data: Any, rows: int = 1, **changed: Any) -> dict[str, Any]:
    tensor = {"name": "features", "shape": [rows, WIDTH], "datatype": "FP64", "data": data}
    return {"inputs": [tensor | changed]}


ONES = matrix([1.0] * WIDTH)


async def posted(body: Any, path: str = PATH, **options: Any) -> httpx.Response:
    async with Service().caller() as caller:
        return await caller.post(path, json=body, **options)


async def test_rows_are_scored_as_the_model_scores_them() -> None:
    rows = np.arange(3.0 * WIDTH).reshape(3, WIDTH)
    answer = (await posted(matrix(rows.flatten().tolist(), 3))).json()
    model = models().streams[NAME].holder.current
    expected = model.score(rows)
    assert answer == {
        "model_name": NAME,
        "model_version": model.version,
        "outputs": [
            {"name": "probability", "datatype": "FP64", "shape": [3], "data": expected.tolist()},
            {
                "name": "prediction",
                "datatype": "BYTES",
                "shape": [3],
                "data": [model.decide(one) for one in expected],
            },
        ],
    }


async def test_data_may_be_nested() -> None:
    flat, nested = await posted(ONES), await posted(matrix([[1.0] * WIDTH]))
    assert nested.json() == flat.json()


async def test_many_rows_are_scored_like_each_of_them() -> None:
    answer = (await posted(matrix([1.0] * WIDTH * 200, 200))).json()
    one = (await posted(ONES)).json()["outputs"][0]["data"][0]
    assert answer["outputs"][0]["data"] == [one] * 200


async def test_the_request_s_id_comes_back() -> None:
    assert (await posted({**ONES, "id": "r-17"})).json()["id"] == "r-17"


async def test_only_the_outputs_that_are_asked_for_are_answered() -> None:
    answer = (await posted({**ONES, "outputs": [{"name": "prediction"}]})).json()
    assert [one["name"] for one in answer["outputs"]] == ["prediction"]


@pytest.mark.parametrize(
    ("body", "issue"),
    [
        (None, ("", "not_an_inference_request")),
        ({"inputs": "x"}, ("", "not_an_inference_request")),
        ({"inputs": []}, ("features", "missing_input")),
        ({"inputs": [*ONES["inputs"], *ONES["inputs"]]}, ("inputs", "input_twice")),
        (matrix([1.0], shape=[WIDTH]), ("features", "wrong_shape")),
        (matrix([1.0], shape=[1, WIDTH + 1]), ("features", "wrong_shape")),
        (matrix([], shape=[0, WIDTH]), ("features", "wrong_number_of_rows")),
        (matrix([], shape=[-1, WIDTH]), ("features", "wrong_number_of_rows")),
        (matrix([], shape=[10_001, WIDTH]), ("features", "wrong_number_of_rows")),
        (matrix([1.0] * (WIDTH - 1)), ("features", "wrong_number_of_values")),
        (matrix([1.0] * (WIDTH - 1) + ["1"]), ("features", "not_numbers")),
        (matrix([1.0] * (WIDTH - 1) + [None]), ("features", "not_numbers")),
        (matrix([True] * WIDTH), ("features", "not_numbers")),
        (matrix([1.0] * WIDTH, datatype="BOOL"), ("features", "wrong_datatype")),
        ({**ONES, "outputs": [{"name": "other"}]}, ("outputs", "unknown_output")),
    ],
)
async def test_what_is_wrong_is_named(body: Any, issue: tuple[str, str]) -> None:
    answer = await posted(body)
    assert (answer.status_code, reasons(answer)) == (422, [issue])


async def test_numbers_that_are_none_are_refused() -> None:
    raw = b'{"inputs":[{"name":"features","shape":[1,13],"datatype":"FP64","data":[1e999]}]}'
    async with Service().caller() as caller:
        answer = await caller.post(PATH, content=raw)
    assert reasons(answer) == [("features", "not_numbers")]


POSSIBLE = {
    **dict.fromkeys(USE_CASE.inputs, 0.0),
    "bet_count": 2.0,
    "bet_sum": 1e9,
    "bet_mean": 5e8,
    "socioeconomic_idx": -1e300,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bet_count", -1.0),
        ("bet_count", -1e308),
        ("bet_count", 1.5),
        ("bet_count", 1e308),
        ("win_var", -0.1),
        ("win_var", 1e19),
        ("purchase_sum", -5.0),
        ("purchase_sum", 1e300),
        ("purchase_mean", -5.0),
        ("purchase_mean", 1.1e9),
    ],
)
async def test_what_no_feature_can_be_is_refused_by_its_name_and_row(
    name: str, value: float
) -> None:
    good = list(POSSIBLE.values())
    bad = list({**POSSIBLE, name: value}.values())
    assert (await posted(matrix([good, good], 2))).status_code == 200
    answer = await posted(matrix([good, bad], 2))
    assert (answer.status_code, reasons(answer)) == (422, [(name, "impossible_value")])
    (issue,) = answer.json()["errors"]
    assert issue["row"] == 2
    assert f"row 2: impossible_value: {name}: must be" in answer.json()["error"]


async def test_each_feature_that_is_impossible_is_named_once() -> None:
    answer = await posted(matrix([[-1e308] * WIDTH] * 3, 3))
    named = [field for field, _ in reasons(answer)]
    assert named == [name for name in USE_CASE.inputs if name != "socioeconomic_idx"]


async def test_binary_data_is_refused_by_name() -> None:
    answer = await posted(ONES, headers={"Inference-Header-Content-Length": "10"})
    assert (answer.status_code, reasons(answer)) == (422, [("inputs", "binary_data")])


async def test_an_error_has_the_protocol_s_form() -> None:
    assert isinstance((await posted(None)).json()["error"], str)


@pytest.mark.parametrize("path", ["", "/ready", "/infer"])
async def test_a_model_that_there_is_not_is_not_found(path: str) -> None:
    async with Service().caller() as caller:
        method = "POST" if path == "/infer" else "GET"
        answer = await caller.request(method, f"/v2/models/other{path}", json=ONES)
    assert (answer.status_code, reasons(answer)) == (404, [("", "unknown_model")])


async def test_a_model_says_what_it_needs_and_answers() -> None:
    async with Service().caller() as caller:
        found = (await caller.get(f"/v2/models/{NAME}")).json()
    (features,) = found["inputs"]
    assert (features["name"], features["shape"]) == ("features", [-1, WIDTH])
    assert tuple(features["columns"]) == USE_CASE.inputs
    assert [one["name"] for one in found["outputs"]] == ["probability", "prediction"]


async def test_server_and_models_say_that_they_are_ready() -> None:
    async with Service().caller() as caller:
        assert (await caller.get("/v2/health/live")).json() == {"live": True}
        assert (await caller.get("/v2/health/ready")).json() == {"ready": True}
        assert (await caller.get(f"/v2/models/{NAME}/ready")).json() == {"ready": True}


async def test_without_any_model_the_server_lives_and_is_not_ready() -> None:
    async with Service(models=NO_MODELS).caller() as caller:
        assert (await caller.get("/v2/health/live")).status_code == 200
        assert (await caller.get("/v2/health/ready")).status_code == 503
