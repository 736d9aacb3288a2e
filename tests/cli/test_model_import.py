from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from pipeline import manifest
from pipeline.manifest import read_manifest, sha256_of, verified_model
from pipeline.registry import aliases_of
from serving.model import Model
from tests.cli.helpers import Run
from tests.promotion.shelf import CASE, shelve


@pytest.fixture
def models(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINE_MODELS", str(elsewhere / "models"))
    return elsewhere / "models"


@pytest.fixture
def theirs(elsewhere: Path) -> Path:
    """A forest on the thirteen features."""
    rows = np.random.default_rng(1).uniform(0, 100, (300, len(CASE.inputs)))
    forest = RandomForestClassifier(5, random_state=1).fit(rows, rows[:, 0] > 50)
    path = elsewhere / "theirs.pkl"
    path.write_bytes(pickle.dumps(forest))
    return path


def test_without_trust_nothing_is_loaded_and_the_hash_is_told(
    run: Run, models: Path, theirs: Path
) -> None:
    ended = run("model", "import", str(theirs))
    assert ended.status == 3
    assert sha256_of(theirs.read_bytes()) in ended.errors
    assert "--trust" in ended.errors
    assert not models.exists()


def test_it_becomes_the_next_version_and_serves_nobody(
    run: Run, models: Path, theirs: Path
) -> None:
    shelve(models, "1")
    ended = run("model", "import", str(theirs), "--trust", "--rows", "500", "--threshold", "0.3")
    assert (ended.status, ended.errors) == (0, "")
    assert "runs its code, which you trust" in ended.words
    assert "equal answers on 500 rows drawn over the declared ranges" in ended.words
    assert aliases_of(models, CASE.name).champion == "1"
    folder = models / CASE.name / "2"
    imported = read_manifest(folder)
    assert verified_model(folder, imported)
    assert imported.training["file_sha256"] == sha256_of(theirs.read_bytes())
    assert imported.threshold == 0.3
    assert Model.load(folder, CASE).version == "2"
    assert imported.training["file_sha256"] in (folder / "card.md").read_text()


def test_model_show_knows_it(run: Run, models: Path, theirs: Path) -> None:
    shelve(models, "1")
    run("model", "import", str(theirs), "--trust", "--rows", "500")
    shown = run("model", "show", "2")
    assert "theirs.pkl, imported" in shown.words
    listed = json.loads(run("model", "list", "--json").output)
    assert [(one["version"], one["alias"]) for one in listed] == [("1", "champion"), ("2", "")]


def test_a_case_that_is_scored_from_the_request_gets_its_model(
    run: Run, models: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "SHIPPED", elsewhere / "none")
    rows = np.random.default_rng(1).uniform(0, 3, (300, 5))
    path = elsewhere / "theirs.bin"
    path.write_bytes(pickle.dumps(RandomForestClassifier(5).fit(rows, rows[:, 0] > 1)))
    ended = run("model", "import", str(path), "--use-case", "subscription_churn", "--trust")
    assert (ended.status, ended.errors) == (0, "")
    assert "the only version, so it serves" in ended.words
    assert "10,000 rows drawn" in ended.words
    assert (models / "subscription_churn" / "1" / "model.onnx").exists()


def test_what_is_refused_leaves_nothing(run: Run, models: Path, elsewhere: Path) -> None:
    shelve(models, "1")
    path = elsewhere / "theirs.pkl"
    path.write_bytes(pickle.dumps(RandomForestClassifier(2).fit([[0.0], [1.0]], [0, 1])))
    ended = run("model", "import", str(path), "--trust")
    assert ended.status == 3
    assert "1 columns without names" in ended.errors
    assert not (models / CASE.name / "2").exists()


def test_a_case_without_a_model_is_refused(run: Run, models: Path, theirs: Path) -> None:
    ended = run("model", "import", str(theirs), "--trust", "--use-case", "player_activity")
    assert ended.status == 3
    assert not models.exists()
