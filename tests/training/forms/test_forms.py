"""A form's model: chosen, judged and converted as its card says."""

from __future__ import annotations

import importlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

import use_cases
from pipeline.errors import Refusal, SettingsError
from pipeline.manifest import newest_folder, read_manifest
from serving.forms import FormScorer
from tests.training.forms.made_up import CUSTOMERS, text
from training.conversion import OnnxScorer, converted
from training.costs import Costs
from training.forms.__main__ import app
from training.forms.candidates import CANDIDATES, RANDOM_FOREST, Candidate
from training.forms.card import card
from training.forms.missing import filled_in
from training.forms.table import FormTable, table_of_csv, table_of_world, usual, worlds_of
from training.forms.train import Plan, Trained, split, train
from use_cases import subscription_churn, telecom_churn

MODELS = Path(__file__).parents[3] / "models"
TELECOM, SUBSCRIPTION = telecom_churn.USE_CASE, subscription_churn.USE_CASE
QUIET: Any = lambda _: None  # noqa: E731 - says nothing
FILES = ("model.onnx", "manifest.json", "card.md")


@pytest.fixture(scope="module")
def customers() -> FormTable:
    return table_of_csv(TELECOM, CUSTOMERS)


@pytest.fixture(scope="module")
def trained(customers: FormTable) -> Trained:
    plan = Plan(TELECOM, "1", 5, (RANDOM_FOREST,))
    return train(plan, customers, {"source": "200 customers"}, QUIET)


def test_the_committed_customers_are_the_made_up_ones() -> None:
    assert CUSTOMERS.read_text() == text()


def test_a_table_of_real_customers_columns_is_read_whole(customers: FormTable) -> None:
    assert customers.inputs.shape == (200, 10)
    assert 40 < customers.labels.sum() < 100
    assert not np.isnan(customers.inputs).any()


def test_those_judged_by_are_a_fifth_that_nothing_was_learnt_from(customers: FormTable) -> None:
    learnt, held_out = split(customers, 5)
    rows = [tuple(row) for row in np.vstack([learnt.inputs, held_out.inputs])]
    assert (len(learnt.labels), len(held_out.labels)) == (160, 40)
    assert sorted(rows) == sorted(tuple(row) for row in customers.inputs)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda one: one.name)
def test_every_kind_answers_in_onnx_as_in_scikit_learn(
    candidate: Candidate, customers: FormTable
) -> None:
    model = candidate.make(TELECOM, 1).fit(customers.inputs, customers.labels)
    scores = OnnxScorer(_converted(model, customers)).score(customers.inputs)
    assert scores == pytest.approx(model.predict_proba(customers.inputs)[:, 1], abs=1e-5)


def test_a_customer_alone_is_encoded_as_among_others(trained: Trained) -> None:
    """The usual mistake gives a single row only the columns of its own choices."""
    scorer = OnnxScorer(trained.content)
    together = scorer.score(trained.held_out.inputs)
    alone = np.concatenate([scorer.score(row[None, :]) for row in trained.held_out.inputs])
    assert np.array_equal(alone, together)
    assert len(np.unique(together)) > 20


def test_a_choice_that_the_table_lacks_still_has_its_column(customers: FormTable) -> None:
    contract = TELECOM.names.index("Contract")
    bound = customers.at(np.flatnonzero(customers.inputs[:, contract] > 0))
    model = RANDOM_FOREST.make(TELECOM, 1).fit(bound.inputs, bound.labels)
    scores = OnnxScorer(_converted(model, bound)).score(customers.inputs)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_what_is_empty_is_filled_in_inside_the_model(trained: Trained) -> None:
    scorer, total = OnnxScorer(trained.content), TELECOM.names.index("TotalCharges")
    empty, zero = trained.held_out.inputs.copy(), trained.held_out.inputs.copy()
    empty[:, total], zero[:, total] = np.nan, 0.0
    assert np.array_equal(scorer.score(empty), scorer.score(zero))


def test_the_usual_customer_is_made_of_commonest_choices_and_medians() -> None:
    inputs = np.array([[4, 10, 30, 20.005, 0], [5, 20, 40, 30, 2], [9, 90, 50, 99, 2]])
    assert usual(SUBSCRIPTION, inputs) == {
        "tenure": 5,
        "usage": 20.0,
        "age": 40,
        "monthly_charges": 30.0,
        "contract_type": "Two year",
    }


@pytest.mark.parametrize(
    ("changed", "to", "reason"),
    [
        ("Two year", "Weekly", "line 3: Contract must be one of"),
        (",Yes\n", ",Maybe\n", "line 2: Churn must be Yes or No"),
        ("tenure", "months", "line 2: tenure is missing"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_its_line(
    tmp_path: Path, changed: str, to: str, reason: str
) -> None:
    rows = text().splitlines(keepends=True)
    chosen = [rows[0], next(row for row in rows if row.endswith(",Yes\n"))]
    chosen += [next(row for row in rows if "Two year" in row)]
    (tmp_path / "customers.csv").write_text("".join(chosen).replace(changed, to))
    with pytest.raises(Refusal, match=reason):
        table_of_csv(TELECOM, tmp_path / "customers.csv")


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        table_of_csv(TELECOM, tmp_path / "none.csv")


def test_too_few_of_one_kind_are_refused(customers: FormTable) -> None:
    few = customers.at(np.flatnonzero(customers.labels == 0))
    with pytest.raises(Refusal, match="too few rows"):
        split(few, 1)


def test_in_the_plain_world_nothing_can_be_learnt() -> None:
    table = table_of_world(SUBSCRIPTION, worlds_of(SUBSCRIPTION)["plain"], 400, 1)
    plan = Plan(SUBSCRIPTION, "1", 42, (RANDOM_FOREST,))
    manifest = train(plan, table, {"source": "400 subscribers"}, QUIET).manifest
    assert manifest.metrics["optimum"]["auc"] == 0.5
    assert "nothing can be learnt" in card(manifest, SUBSCRIPTION, "")


def test_a_world_that_is_not_there_is_refused() -> None:
    result = CliRunner().invoke(app, ["--world", "none"])
    assert isinstance(result.exception, SettingsError)


def test_the_same_data_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        arguments = ["--rows", "200", "--out", str(tmp_path / name)]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert "accuracy" in result.output
    for name in FILES:
        first, second = (tmp_path / run / "subscription_churn" / "1" / name for run in "ab")
        assert first.read_bytes() == second.read_bytes()


def shipped() -> list[Path]:
    return sorted(
        folder
        for name in use_cases.forms()
        for folder in (MODELS / name).iterdir()
        if folder.is_dir()
    )


@pytest.fixture(params=shipped(), ids=lambda folder: f"{folder.parent.name} {folder.name}")
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return] # pytest does not know its type


def test_a_shipped_card_is_drawn_from_its_manifest(folder: Path) -> None:
    manifest = read_manifest(folder)
    form = use_cases.load_form(manifest.use_case)
    purpose = importlib.import_module(f"use_cases.{form.name}").__doc__ or ""
    assert (folder / "card.md").read_text() == card(manifest, form, purpose)


def test_a_shipped_model_says_what_comes(folder: Path) -> None:
    manifest = read_manifest(folder)
    metrics = manifest.metrics
    assert metrics["mean_probability"] == pytest.approx(metrics["churned"], abs=0.03)
    by_chance = manifest.calibration.get("optimum", {}).get("expected_error", 0)
    assert manifest.calibration["expected_error"] < by_chance + 0.02


def test_a_shipped_model_is_better_than_saying_the_base_rate(folder: Path) -> None:
    metrics = read_manifest(folder).metrics
    rate = metrics["churned"]
    blind = -rate * np.log(rate) - (1 - rate) * np.log(1 - rate)
    assert metrics["log_loss"] < 0.9 * blind


def test_costs_set_the_threshold(customers: FormTable) -> None:
    plan = Plan(TELECOM, "1", 5, (RANDOM_FOREST,), Costs(offer=1, churner=5))
    manifest = train(plan, customers, {"source": "200 customers"}, QUIET).manifest
    assert manifest.threshold == 0.2
    assert manifest.costs == {"offer": 1, "churner": 5}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", use_cases.forms())
def test_the_first_version_is_rebuilt_byte_for_byte(name: str, tmp_path: Path) -> None:
    libraries = read_manifest(MODELS / name / "1").libraries
    if any(version(one) != built for one, built in libraries.items()):
        pytest.skip(f"it was built with {libraries}")
    assert CliRunner().invoke(app, ["--use-case", name, "--out", str(tmp_path)]).exit_code == 0
    for file in FILES:
        rebuilt, shipped = tmp_path / name / "1" / file, MODELS / name / "1" / file
        assert rebuilt.read_bytes() == shipped.read_bytes(), file


@pytest.mark.skipif("TELCO_CSV" not in os.environ, reason="TELCO_CSV names no table")
def test_real_customers_are_ranked_as_well_as_plain_candidates_can() -> None:
    table = table_of_csv(TELECOM, Path(os.environ["TELCO_CSV"]))
    scorer = FormScorer.load(MODELS, TELECOM)
    _, held_out = split(table, read_manifest(newest_folder(MODELS, TELECOM.name)).seed)
    scores = scorer.score([tuple(row) for row in held_out.inputs.tolist()])
    assert roc_auc_score(held_out.labels, scores) > 0.82


def _converted(model: Any, table: FormTable) -> bytes:
    return filled_in(converted(model, table.inputs, 0.5), TELECOM)
