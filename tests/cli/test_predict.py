from __future__ import annotations

import json
from pathlib import Path

import pytest

import use_cases
from pipeline.manifest import SHIPPED
from serving.forms import FormScorer
from tests.cli.helpers import Run

CUSTOMER = dict(use_cases.load_form("telecom_churn").example)
SUBSCRIBER = dict(use_cases.load_form("subscription_churn").example)


def written(request: object) -> str:
    Path("request.json").write_text(json.dumps(request))
    return "request.json"


@pytest.mark.parametrize(
    ("case", "request_"), [("telecom_churn", CUSTOMER), ("subscription_churn", SUBSCRIBER)]
)
def test_it_scores_by_the_case_whose_fields_the_file_has(
    run: Run, case: str, request_: dict[str, object]
) -> None:
    scorer = FormScorer.load(SHIPPED, use_cases.load_form(case))
    (probability,) = scorer.score([scorer.decode(request_)])
    answer = json.loads(run("predict", "--json", written(request_)).output)
    assert answer["model"] == case
    assert answer["probability"] == probability
    assert answer["prediction"] == scorer.decide(probability)
    assert (answer["version"], answer["model_hash"]) == (scorer.version, scorer.hash)


def test_it_tells_the_answer_the_model_and_the_three_fields_that_moved_it(run: Run) -> None:
    ended = run("predict", written(CUSTOMER))
    scorer = FormScorer.load(SHIPPED, use_cases.load_form("telecom_churn"))
    assert ended.status == 0
    assert f"by telecom_churn version {scorer.version} ({scorer.hash[:12]})" in ended.words
    for reason in scorer.reasons(scorer.decode(CUSTOMER)):
        assert reason.field in ended.words
        assert f"{reason.moved:+.4f}" in ended.words


def test_it_reads_its_input(run: Run) -> None:
    ended = run("predict", "-", stdin=json.dumps(SUBSCRIBER).encode())
    assert (ended.status, "subscription_churn" in ended.words) == (0, True)


def test_what_is_wrong_is_told_one_line_a_field_and_no_value(run: Run) -> None:
    wrong = {**CUSTOMER, "tenure": -77, "Contract": "secret"}
    ended = run("predict", written(wrong))
    assert ended.status == 1
    assert ended.errors.splitlines() == [
        "pipeline: telecom_churn: tenure must be a whole number from 0 to 1,200 (months)",
        "pipeline: telecom_churn: Contract must be one of Month-to-month, One year, Two year",
    ]


def test_a_streamed_case_is_refused_in_one_line(run: Run) -> None:
    ended = run("predict", "--use-case", "first_day_churn", written(CUSTOMER))
    assert ended.status == 3
    assert "folded from a stream" in ended.errors
    assert len(ended.errors.splitlines()) == 1


@pytest.mark.parametrize("command", [("sql",), ("compact",)])
def test_a_command_for_streams_refuses_a_form_in_one_line(
    run: Run, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_USE_CASE", "telecom_churn")
    ended = run(*command)
    assert (ended.status, len(ended.errors.splitlines())) == (3, 1)
    assert "telecom_churn is scored from the request, and has no stream" in ended.errors


@pytest.mark.parametrize("content", ["[1]", "no JSON", "NaN", '"\\ud800"', ""])
def test_what_is_no_object_is_told_so(run: Run, content: str) -> None:
    ended = run("predict", "-", stdin=content.encode())
    assert (ended.status, "holds no JSON object" in ended.errors) == (1, True)


def test_an_object_of_something_else_is_told_so(run: Run) -> None:
    ended = run("predict", written({"user_id": "u-1"}))
    assert (ended.status, "it has no field of" in ended.errors) == (1, True)


def test_a_file_that_is_not_there_is_told_so(run: Run) -> None:
    ended = run("predict", "none.json")
    assert (ended.status, "cannot be read" in ended.errors) == (1, True)
