from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.reproducing import find_inference, model_of_hash, reproduce
from pipeline.errors import Refusal
from pipeline.manifest import SHIPPED as SHIPPED_MODELS
from pipeline.manifest import read_manifest, write_model
from serving.model import Model
from tests.cli.helpers import Run
from tests.rebuild.test_scores import all_logged
from tests.support.events import NOON, SECOND, bet, purchase, win
from tests.support.stages import TOPICS
from use_cases.first_day_churn import USE_CASE

SHIPPED = Model.load(SHIPPED_MODELS / USE_CASE.name / "1", USE_CASE)
WON = "sourcesourcesourcesour/0/2/0"


@pytest.fixture
def home(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of two scores, which the shipped model gave."""
    home = elsewhere / ".pipeline" / "data" / USE_CASE.name
    asyncio.run(all_logged(home, [purchase(1), bet(5, at=NOON + SECOND), win(7, at=NOON + 2)]))
    models = elsewhere / "models"
    shutil.copytree(SHIPPED_MODELS / USE_CASE.name / "1", models / USE_CASE.name / "1")
    monkeypatch.setenv("PIPELINE_MODELS", str(models))
    rows = pq.ParquetFile(log_file(home)).read().select(USE_CASE.inputs)
    scores = SHIPPED.score(np.array([list(row.values()) for row in rows.to_pylist()], np.float64))
    change(home, "probability", lambda _: scores.tolist())
    change(home, "decision", lambda _: [SHIPPED.decide(one) for one in scores])
    change(home, "model_hash", lambda _: [SHIPPED.hash] * 2)
    return home


def log_file(home: Path) -> Path:
    (path,) = (home / TOPICS.inferences).glob("date=*/*.parquet")
    return path


def change(home: Path, column: str, new: Callable[[list[Any]], list[Any]]) -> None:
    """Put other values in the place of a column's."""
    path = log_file(home)
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index(column)
    values = pa.array(new(table[column].to_pylist()), table.schema.field(place).type)
    pq.write_table(table.set_column(place, column, values), path)


@pytest.mark.usefixtures("home")
def test_a_score_is_found_and_comes_out_the_same(run: Run) -> None:
    ended = run("inference", WON)
    assert ended.status == 0
    assert "the same, bit for bit" in ended.words
    assert "win_sum: 7.0" in ended.words


@pytest.mark.usefixtures("home")
def test_it_names_the_three_inputs_that_moved_the_score_most(run: Run) -> None:
    today = json.loads(run("inference", WON, "--json").output)["today"]
    sizes = [abs(one["by"]) for one in today["moved"]]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)


def test_a_probability_that_is_off_by_its_last_bit_ends_it_with_1(run: Run, home: Path) -> None:
    change(home, "probability", lambda was: [float(np.nextafter(one, 1)) for one in was])
    ended = run("inference", WON)
    assert (ended.status, "ANOTHER ANSWER" in ended.words) == (1, True)


def test_another_decision_at_the_same_probability_ends_it_with_1(run: Run, home: Path) -> None:
    change(home, "decision", lambda _: ["perhaps"] * 2)
    assert run("inference", WON).status == 1


def test_a_model_that_is_gone_ends_it_with_1(run: Run, home: Path) -> None:
    change(home, "model_hash", lambda _: ["ab" * 32] * 2)
    ended = run("inference", WON)
    assert (ended.status, "that gave this score is not under" in ended.errors) == (1, True)


@pytest.mark.usefixtures("home")
def test_the_model_is_found_by_its_hash_under_any_version(run: Run, elsewhere: Path) -> None:
    models = elsewhere / "models" / USE_CASE.name
    folder = (models / "1").rename(models / "7")
    manifest = replace(read_manifest(folder), version="7")
    write_model(folder, manifest, (folder / "model.onnx").read_bytes(), "")
    (models / "8").mkdir()  # torn: without a manifest
    assert run("inference", WON).status == 0


@pytest.mark.usefixtures("home")
def test_a_model_that_is_torn_is_refused(run: Run, elsewhere: Path) -> None:
    (elsewhere / "models" / USE_CASE.name / "1" / "model.onnx").write_bytes(b"")
    assert run("inference", WON).status == 3


def test_an_id_that_is_not_logged_ends_it_with_1(run: Run) -> None:
    ended = run("inference", "no/0/0/0")
    assert (ended.status, "no inference no/0/0/0 is logged" in ended.errors) == (1, True)


def test_an_input_moved_a_score_by_the_difference_to_the_neutral_one(home: Path) -> None:
    row = find_inference(USE_CASE, [home], WON)
    assert row is not None
    found = reproduce(USE_CASE, row, SHIPPED, most=99)
    values = np.array([float(row[name]) for name in USE_CASE.inputs])
    for one in found.moved:
        without = values.copy()
        without[USE_CASE.inputs.index(one.feature)] = 0
        assert one.by == found.probability - SHIPPED.score(without[None, :])[0]
    still = [name for name, value in zip(USE_CASE.inputs, values, strict=True) if not value]
    assert not {one.feature for one in found.moved} & {*still}


def test_an_inference_without_an_input_that_the_model_reads_is_refused(home: Path) -> None:
    change(home, "win_sum", lambda _: [None, None])
    row = find_inference(USE_CASE, [home], WON)
    assert row is not None
    with pytest.raises(Refusal, match="has no win_sum"):
        reproduce(USE_CASE, row, SHIPPED)


def test_no_model_has_a_hash_that_none_has(tmp_path: Path) -> None:
    assert model_of_hash(tmp_path, USE_CASE, "ab" * 32) is None
