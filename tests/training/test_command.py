from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.errors import SettingsError
from pipeline.manifest import read_manifest, verified_model
from pipeline.world import WorldSize
from training.__main__ import app
from training.source import world_of

RUN = ["--version", "2", "--users", "120", "--events", "20", "--seed", "9"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models")
    result = CliRunner().invoke(app, [*RUN, "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


def test_it_writes_a_verified_version_and_its_card(out: Path) -> None:
    folder = out / "first_day_churn" / "2"
    manifest = read_manifest(folder)
    assert verified_model(folder, manifest)
    assert manifest.version == "2"
    assert manifest.training["users"] == 120
    assert "version 2" in (folder / "card.md").read_text().splitlines()[0]


def test_the_same_command_again_gives_the_same_bytes(out: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*RUN, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "rows/s" in result.output
    for name in ("model.onnx", "manifest.json", "card.md"):
        first, second = (root / "first_day_churn" / "2" / name for root in (out, tmp_path))
        assert first.read_bytes() == second.read_bytes(), name


def test_another_seed_gives_another_model(out: Path, tmp_path: Path) -> None:
    CliRunner().invoke(app, [*RUN[:-1], "10", "--out", str(tmp_path)])
    models = [root / "first_day_churn" / "2" / "model.onnx" for root in (out, tmp_path)]
    assert models[0].read_bytes() != models[1].read_bytes()


def test_a_use_case_without_a_world_is_refused() -> None:
    with pytest.raises(SettingsError, match="no world to train on"):
        world_of("nowhere", WorldSize(1, 1, 1))
