from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import Run
from tests.promotion.logs import TRUTH, inference, logged
from tests.promotion.shelf import CASE, registrar, shelve


@pytest.fixture
def models(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = elsewhere / "models"
    shelve(home, "1")
    monkeypatch.setenv("PIPELINE_MODELS", str(home))
    monkeypatch.setenv("PIPELINE_DATA", str(elsewhere / "data"))
    logged(elsewhere / "data" / CASE.name, [inference(user, n) for n, user in enumerate(TRUTH)])
    return home


def test_with_too_few_labels_it_says_so_and_ends_with_0(run: Run, models: Path) -> None:
    ended = run("retrain", "--least", "601")
    assert (ended.status, ended.errors) == (0, "")
    assert "nothing to do before 601 are new" in ended.words
    assert registrar(models).aliases().champion == "1"


def test_only_the_last_days_are_learnt_from(run: Run, models: Path) -> None:
    """The log is of 2025."""
    ended = run("retrain", "--days", "1")
    assert "0 users have a label" in ended.words
    assert registrar(models).aliases().challenger is None


def test_a_case_without_a_model_is_refused(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_USE_CASE", "player_activity")
    ended = run("retrain")
    assert ended.status == 3
    assert models.exists()
