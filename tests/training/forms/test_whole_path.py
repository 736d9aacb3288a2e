"""From a table of customers to a prediction, by the commands, on the two hundred made-up ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import use_cases
from cli.app import app
from pipeline.manifest import read_manifest
from tests.training.forms.made_up import CUSTOMERS

CASE = "telecom_churn"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands keep models: at first there are only the two shipped ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_USE_CASE", CASE)
    monkeypatch.setenv("PIPELINE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200"}, prog_name="pipeline")


def churns(**changes: object) -> float:
    """The probability that the example of a customer churns, with these fields changed."""
    request = Path("customer.json")
    request.write_text(json.dumps({**use_cases.load_form(CASE).example, **changes}))
    answer = json.loads(run("predict", "--json", str(request)).stdout)
    assert answer["version"] == "3"
    return float(answer["probability"])


def test_two_hundred_customers_become_a_model_that_predicts(models: Path) -> None:
    ended = run("train", "--data", str(CUSTOMERS))
    assert ended.exit_code == 0, ended.output
    assert read_manifest(models / CASE / "3").training["source"] == "200 customers in customers.csv"
    assert run("model", "promote", "3", "--without-gates", "our own customers").exit_code == 0
    assert churns(tenure=70, Contract="Two year") < churns(tenure=1, Contract="Month-to-month")
