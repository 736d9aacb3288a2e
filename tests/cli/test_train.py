from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.manifest import SHIPPED, read_manifest
from pipeline.registry import aliases_of
from tests.cli.helpers import Run

SMALL = ("--users", "60", "--events", "15", "--seed", "3")


@pytest.fixture
def models(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models."""
    monkeypatch.setenv("PIPELINE_MODELS", str(elsewhere / "models"))
    return elsewhere / "models"


def test_it_writes_the_next_version_with_card_and_report_beside_the_champion(
    run: Run, models: Path
) -> None:
    (models / "first_day_churn" / "4").mkdir(parents=True)
    ended = run("train", *SMALL, "--costs", "1", "4")
    assert ended.status == 0, ended.words
    folder = models / "first_day_churn" / "5"
    assert read_manifest(folder).threshold == 0.25
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.onnx", "manifest.json", "card.md", "report.html", "report.json"}
    assert aliases_of(models, "first_day_churn").champion == "4"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_a_user_trains_lies_beside_the_runs_and_the_shipped_models_stay_as_they_are(
    run: Run, elsewhere: Path
) -> None:
    shipped = content(SHIPPED)
    assert run("train", *SMALL).status == 0
    own = elsewhere / ".pipeline" / "models"
    assert (own / "first_day_churn" / "2" / "model.onnx").exists()
    assert aliases_of(own, "first_day_churn").champion == "1"
    assert content(SHIPPED) == shipped


@pytest.mark.parametrize(
    "refused", [("--costs", "4", "1"), ("--costs", "0", "2"), ("--data", "nowhere.parquet")]
)
def test_a_refusal_changes_nothing(run: Run, models: Path, refused: tuple[str, ...]) -> None:
    (models / "first_day_churn" / "4").mkdir(parents=True)
    assert run("train", *SMALL, *refused).status == 3
    assert [path.name for path in models.rglob("*")] == ["first_day_churn", "4"]


@pytest.mark.parametrize("version", ["1", "4"])
def test_no_version_of_a_user_takes_the_number_of_another(
    run: Run, models: Path, version: str
) -> None:
    (models / "first_day_churn" / "4").mkdir(parents=True)
    assert "is there already" in run("train", *SMALL, "--version", version).errors


def test_a_version_that_is_there_is_not_overwritten(run: Run, models: Path) -> None:
    (models / "first_day_churn" / "4").mkdir(parents=True)
    ended = run("train", *SMALL, "--version", "4")
    assert ended.status == 3
    assert "is there already. Leave --version out" in ended.errors


def test_costs_at_which_no_offer_pays_are_refused(run: Run, models: Path) -> None:
    ended = run("train", *SMALL, "--costs", "4", "1")
    assert ended.status == 3
    assert "never pays" in ended.errors
    assert not models.exists()


def test_a_dataset_that_is_not_there_is_refused_with_the_command_that_makes_it(
    run: Run,
    models: Path,  # noqa: ARG001 - nothing is written to the shipped ones
) -> None:
    ended = run("train", "--data", "nowhere.parquet")
    assert ended.status == 3
    assert "pipeline dataset" in ended.errors


def test_a_case_without_a_model_is_refused(
    run: Run,
    models: Path,  # noqa: ARG001 - nothing is written to the shipped ones
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIPELINE_USE_CASE", "player_activity")
    ended = run("train", *SMALL)
    assert ended.status == 3
    assert "declares no model" in ended.errors


def test_a_case_that_is_scored_from_the_request_trains_with_the_same_command(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_USE_CASE", "subscription_churn")
    ended = run("train", "--users", "200", "--costs", "1", "4")
    assert ended.status == 0, ended.words
    manifest = read_manifest(models / "subscription_churn" / "2")
    assert (manifest.use_case, manifest.threshold) == ("subscription_churn", 0.25)


def test_what_only_a_stream_has_is_refused_for_a_request(
    run: Run,
    models: Path,  # noqa: ARG001 - nothing is written to the shipped ones
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIPELINE_USE_CASE", "subscription_churn")
    ended = run("train", "--events", "3")
    assert ended.status == 2
    assert "folded from a stream" in ended.errors
