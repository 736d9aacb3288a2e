"""The model that is shipped: what was promised of it holds."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.declaration import UseCase
from pipeline.manifest import MODEL, Manifest, read_manifest, verified_model
from training.__main__ import app
from training.card import card
from use_cases import first_day_churn

FOLDER = Path(__file__).parents[2] / "models" / "first_day_churn" / "1"
DEMO_SEED = 1


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return read_manifest(FOLDER)


def test_it_is_whole_and_made_for_the_declaration(manifest: Manifest, case: UseCase) -> None:
    manifest.check_inputs(case)
    assert len(verified_model(FOLDER, manifest)) < 5_000_000


def test_it_was_trained_on_another_world_than_the_demos(manifest: Manifest) -> None:
    assert manifest.training["seed"] != DEMO_SEED


def test_it_is_close_to_the_best_possible_from_the_first_score_on(manifest: Manifest) -> None:
    for stage in manifest.metrics["by_counted_events"]:
        assert stage["log_loss"] <= 1.03 * stage["optimum_log_loss"], stage
        assert stage["auc"] >= stage["optimum_auc"] - 0.003, stage


def test_it_knows_as_much_as_can_be_known_at_each_users_nth_score(manifest: Manifest) -> None:
    for moment in manifest.metrics["how_early"]:
        assert moment["log_loss"] <= 1.03 * moment["optimum_log_loss"], moment
        assert moment["auc"] >= moment["optimum_auc"] - 0.003, moment


def test_it_is_calibrated_as_well_as_the_best_possible(manifest: Manifest) -> None:
    measured, best = manifest.calibration, manifest.calibration["optimum"]
    assert measured["expected_error"] <= best["expected_error"] + 0.005
    assert measured["slope"] == pytest.approx(1, abs=0.1)


def test_its_mean_probability_is_the_share_that_churned(manifest: Manifest) -> None:
    metrics = manifest.metrics
    assert metrics["mean_probability"] == pytest.approx(metrics["churned"], abs=0.01)


def test_without_a_lookup_it_keeps_to_what_it_knows(manifest: Manifest) -> None:
    blind = manifest.metrics["without_lookups"]
    assert blind["mean_probability"] == pytest.approx(blind["churned"], abs=0.03)


def test_its_card_is_drawn_from_its_manifest(manifest: Manifest) -> None:
    assert (FOLDER / "card.md").read_text() == card(manifest, first_day_churn.__doc__ or "")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_it_is_rebuilt_byte_for_byte(manifest: Manifest, tmp_path: Path) -> None:
    others = {name: version(name) for name in manifest.libraries}
    if others != manifest.libraries:
        pytest.skip(f"it was built with {manifest.libraries}")
    assert CliRunner().invoke(app, ["--out", str(tmp_path)]).exit_code == 0
    for name in (MODEL, "manifest.json", "card.md", "report.json"):
        rebuilt = tmp_path / "first_day_churn" / "1" / name
        assert rebuilt.read_bytes() == (FOLDER / name).read_bytes(), name
