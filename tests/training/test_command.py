from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipeline.declaration import UseCase
from pipeline.errors import Refusal, SettingsError
from pipeline.manifest import read_manifest, verified_model
from pipeline.world import WorldSize
from training.__main__ import app
from training.command import FromDataset
from training.data.dataset import write_dataset
from training.source import world_of
from training.table import Table

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
    for kind in ("logistic_regression", "random_forest", "ada_boost", "hist_gradient_boosting"):
        assert f"{kind}: log loss" in result.output
    assert "rows/s" in result.output
    for name in ("model.onnx", "manifest.json", "card.md", "report.json", "report.html"):
        first, second = (root / "first_day_churn" / "2" / name for root in (out, tmp_path))
        assert first.read_bytes() == second.read_bytes(), name


def test_the_report_is_one_file_that_needs_no_other(out: Path) -> None:
    page = (out / "first_day_churn" / "2" / "report.html").read_text()
    assert page.count("<svg") == 6
    assert not re.search(r"(src|href)=\"(?!#)|url\((?!#)|<script", page)


def test_the_report_holds_no_date_of_birth(out: Path) -> None:
    for name in ("manifest.json", "report.json", "report.html", "card.md"):
        text = (out / "first_day_churn" / "2" / name).read_text()
        assert not re.search(r"\b(19|20)\d\d-\d\d-\d\d\b", text), name


def test_the_report_in_json_has_the_manifest_and_the_curves(out: Path) -> None:
    folder = out / "first_day_churn" / "2"
    report = json.loads((folder / "report.json").read_bytes())
    curves = report.pop("curves")
    assert report == json.loads((folder / "manifest.json").read_bytes())
    assert set(curves) == {"roc", "precision_recall", "calibration", "lift", "confusion"}


def rows_of(case: UseCase, table: Table) -> pa.Table:
    inputs = {name: table.inputs[:, place] for place, name in enumerate(case.inputs)}
    users = [table.entities[user] for user in table.users]
    return pa.table({case.entity: users, **inputs, "label": table.labels})


def test_a_dataset_gives_its_rows_and_says_where_they_came_from(
    case: UseCase, table: Table, tmp_path: Path
) -> None:
    source = {"use_case": case.name, "entity": case.entity, "features": list(case.inputs)}
    write_dataset(tmp_path / "made.parquet", rows_of(case, table), source)
    material = FromDataset(tmp_path / "made.parquet").material(case, print)
    assert np.array_equal(material.table.inputs, table.inputs)
    assert np.array_equal(material.table.labels, table.labels)
    assert material.source["dataset"]["features"] == list(case.inputs)
    assert material.optimum is None


def test_a_dataset_of_other_inputs_is_refused(case: UseCase, table: Table, tmp_path: Path) -> None:
    source = {"use_case": case.name, "entity": case.entity, "features": ["bet_sum"]}
    write_dataset(tmp_path / "made.parquet", rows_of(case, table), source)
    with pytest.raises(Refusal, match="not those of"):
        FromDataset(tmp_path / "made.parquet").material(case, print)


def test_a_use_case_without_a_world_is_refused() -> None:
    with pytest.raises(SettingsError, match="no world to train on"):
        world_of("nowhere", WorldSize(1, 1, 1))
