from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import use_cases
from cli.models import in_service
from pipeline.manifest import read_manifest, verified_model, write_model
from pipeline.registry import Aliases, aliases_of, named_aliases, write_aliases
from pipeline.world import WorldSize
from promotion.decisions import Act, decisions
from tests.cli.helpers import Run
from tests.promotion.shelf import SHIPPED, shelve, shelve_guess
from training.data.dataset import schema, write_dataset
from training.source import table_of_world, world_of

CASE = use_cases.load("first_day_churn")
SIZE = WorldSize(users=600, events=20, seed=3)


@pytest.fixture
def models(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A guess as version 1, champion; the shipped model as version 2."""
    home = elsewhere / "models"
    shelve_guess(home, "1", 0.7)
    shelve(home, "2")
    write_aliases(home, CASE.name, Aliases(champion="1"))
    monkeypatch.setenv("PIPELINE_MODELS", str(home))
    return home


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset out of a small world."""
    table = table_of_world(CASE, world_of(CASE.name, SIZE), SIZE.end)
    columns: dict[str, object] = {
        name: table.inputs[:, place] for place, name in enumerate(CASE.inputs)
    }
    rows = len(table.labels)
    columns["id"] = [str(n) for n in range(rows)]
    columns[CASE.entity] = [table.entities[user] for user in table.users]
    columns["label"] = table.labels
    wanted = schema(CASE)
    arrays = [
        pa.array(columns[one.name]).cast(one.type)
        if one.name in columns
        else pa.nulls(rows, one.type)
        for one in wanted
    ]
    source = {
        "source": "a small world",
        "use_case": CASE.name,
        "entity": CASE.entity,
        "features": list(CASE.inputs),
    }
    path = tmp_path_factory.mktemp("data") / "made.parquet"
    write_dataset(path, pa.table(arrays, schema=wanted), source)
    return path


def champion(models: Path) -> str:
    return aliases_of(models, CASE.name).champion


def test_the_list_tells_versions_and_aliases(run: Run, models: Path) -> None:
    run("model", "challenge", "2", "--shadow")
    ended = run("model", "list", "--json")
    assert ended.status == 0
    assert [(one["version"], one["alias"]) for one in json.loads(ended.output)] == [
        ("1", "champion"),
        ("2", "challenger in shadow"),
    ]
    assert "logistic_regression" in run("model", "list").words
    assert named_aliases(models, CASE.name) is not None


def test_a_version_that_cannot_serve_is_listed_with_its_problem(run: Run, models: Path) -> None:
    (models / CASE.name / "2" / "model.onnx").write_bytes(b"")
    words = run("model", "list").words.replace("│", " ").split()  # a long path wraps the cell
    assert "is not the file its manifest names" in " ".join(words)


def test_showing_a_version_tells_what_was_decided_about_it(run: Run, models: Path) -> None:
    run("model", "promote", "2", "--without-gates", "the first one that learnt")
    words = run("model", "show", "2").words
    assert f"{CASE.name} 2 champion" in words
    assert "the first one that learnt" in words
    assert str(models / CASE.name / "2" / "card.md") in words


def test_showing_what_is_not_there_is_refused(run: Run, models: Path) -> None:
    ended = run("model", "show", "7")
    assert ended.status == 3
    assert str(models) in ended.errors


def test_a_better_version_is_promoted_by_its_gates(run: Run, models: Path, dataset: Path) -> None:
    ended = run("model", "promote", "2", "--data", str(dataset))
    assert ended.status == 0, ended.output + ended.errors
    assert "passed better: log loss" in ended.words
    assert champion(models) == "2"


def test_a_worse_version_is_not_and_it_ends_with_one(run: Run, models: Path, dataset: Path) -> None:
    run("model", "promote", "2", "--without-gates", "it learnt")
    ended = run("model", "promote", "1", "--data", str(dataset))
    assert ended.status == 1
    assert "version 1 was not promoted: better" in ended.errors
    assert champion(models) == "2"
    assert [one.done for one in decisions(models, CASE.name)] == [True, False]


def test_comparing_on_a_dataset_changes_nothing(run: Run, models: Path, dataset: Path) -> None:
    ended = run("model", "compare", "2", "--data", str(dataset))
    assert ended.status == 0
    assert "users that neither learnt from" in ended.words
    assert "version 2: log loss" in ended.words
    assert decisions(models, CASE.name) == []


def test_without_a_dataset_promotion_says_how_to_make_one(run: Run, models: Path) -> None:
    ended = run("model", "promote", "2")
    assert ended.status == 3
    assert "pipeline dataset" in ended.errors
    assert champion(models) == "1"


@pytest.mark.parametrize("command", ["promote", "compare"])
@pytest.mark.usefixtures("models")
def test_a_version_that_is_not_there_is_told_before_a_dataset_that_is_not(
    run: Run, command: str
) -> None:
    ended = run("model", command, "9")
    assert ended.status == 3
    assert "there is no version 9 of first_day_churn" in ended.errors
    assert "dataset" not in ended.errors


def test_a_rollback_goes_back(run: Run, models: Path) -> None:
    run("model", "promote", "2", "--without-gates", "trying")
    ended = run("model", "rollback", "--why", "complaints")
    assert ended.output == "rollback 1 (champion before: 2): complaints\n"
    assert champion(models) == "1"


def test_a_rollback_to_nothing_is_refused(run: Run, models: Path) -> None:
    assert run("model", "rollback").status == 3
    assert champion(models) == "1"


def test_a_trial_with_a_share_begins_and_ends(run: Run, models: Path) -> None:
    assert run("model", "challenge", "2", "--share", "0.1").status == 0
    trial = aliases_of(models, CASE.name).challenger
    assert trial is not None
    assert np.isclose(trial.share, 0.1)
    assert run("model", "withdraw").status == 0
    assert aliases_of(models, CASE.name).challenger is None
    assert [one.act for one in decisions(models, CASE.name)] == [Act.CHALLENGE, Act.WITHDRAW]


@pytest.mark.parametrize("options", [(), ("--shadow", "--share", "0.1"), ("--share", "1")])
def test_a_trial_is_either_in_shadow_or_of_a_share(
    run: Run, models: Path, options: tuple[str, ...]
) -> None:
    assert run("model", "challenge", "2", *options).status == 2
    assert aliases_of(models, CASE.name).challenger is None


def test_comparing_without_a_trial_says_how_to_begin_one(run: Run, models: Path) -> None:
    ended = run("model", "compare")
    assert ended.status == 3
    assert "pipeline model challenge" in ended.errors
    assert champion(models) == "1"


def test_a_case_scored_from_the_request_has_versions_and_a_persons_promotion_but_no_gates(
    run: Run, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, name = elsewhere / "models", "telecom_churn"
    shipped = SHIPPED.parents[1] / name / "1"
    shutil.copytree(shipped, home / name / "1")
    manifest = replace(read_manifest(shipped), version="2")
    write_model(home / name / "2", manifest, verified_model(shipped, manifest), "")
    write_aliases(home, name, Aliases(champion="1"))
    monkeypatch.setenv("PIPELINE_MODELS", str(home))
    monkeypatch.setenv("PIPELINE_USE_CASE", name)
    assert "champion" in run("model", "list").words
    assert run("model", "challenge", "2", "--shadow").status == 3
    assert "--without-gates" in run("model", "promote", "2").errors
    assert run("model", "promote", "2", "--without-gates", "by hand").status == 0
    assert aliases_of(home, name).champion == "2"


def test_the_model_in_service_is_told_with_how_close_it_is_to_the_best_possible() -> None:
    line = in_service(SHIPPED.parents[1], CASE)
    version = aliases_of(SHIPPED.parents[1], CASE.name).champion
    assert line.startswith(f"{CASE.name} {version}, ")
    assert line.count("(the best possible is 0.") == 2
