from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import REGISTRY

import use_cases
from pipeline.errors import Refusal
from pipeline.manifest import CARD, MODEL, model_folder, read_manifest, write_model
from pipeline.registry import ALIASES, Aliases, Challenger, write_aliases
from serving.holder import ModelHolder, keep_following

CASE = use_cases.load("first_day_churn")
SHIPPED = Path(__file__).parents[2] / "models" / CASE.name / "1"
SINCE = "2026-01-02T03:04:05.000000Z"
ROWS = np.ones((2, len(CASE.inputs)))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, model_folder(tmp_path, CASE.name, "1"))
    return tmp_path


def copied(models: Path, version: str) -> Path:
    """The shipped model once more, under another version."""
    folder = model_folder(models, CASE.name, version)
    manifest = replace(read_manifest(SHIPPED), version=version)
    write_model(folder, manifest, (SHIPPED / MODEL).read_bytes(), (SHIPPED / CARD).read_text())
    return folder


def name(models: Path, champion: str, challenger: str = "", share: float = 0.0) -> None:
    trial = Challenger(version=challenger, since=SINCE, share=share) if challenger else None
    write_aliases(models, CASE.name, Aliases(champion=champion, challenger=trial))


def broken(models: Path, version: str) -> Path:
    folder = copied(models, version)
    (folder / MODEL).write_bytes(b"")
    return folder


def served_by(holder: ModelHolder) -> list[tuple[str, object]]:
    """By which version each of two users is served, and in whose shadow."""
    scores = holder.lineup.score(["u1", "u2"], ROWS)
    return [(model.version, shadow[0] or "") for model, _, shadow in scores]


def metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"model": CASE.name, **labels})


def test_without_aliases_it_starts_with_the_newest_version(models: Path) -> None:
    copied(models, "2")
    copied(models, "10")
    assert ModelHolder.load(models, CASE).current.version == "10"


def test_it_starts_with_the_champion(models: Path) -> None:
    copied(models, "2")
    name(models, "1")
    assert ModelHolder.load(models, CASE).current.version == "1"


def test_without_a_model_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.manifest.SHIPPED", tmp_path)
    with pytest.raises(Refusal, match="there is no model"):
        ModelHolder.load(tmp_path, CASE)


def test_it_does_not_start_with_a_broken_champion(models: Path) -> None:
    broken(models, "2")
    name(models, "2")
    with pytest.raises(Refusal, match="is not the file"):
        ModelHolder.load(models, CASE)


def test_a_new_champion_is_followed(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    copied(models, "2")
    name(models, "2")
    holder.follow()
    assert holder.current.version == "2"
    assert metric("pipeline_model_info", version="2") == 1
    assert metric("pipeline_model_info", version="1") == 0


def test_a_newer_version_alone_changes_nothing_while_it_runs(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    copied(models, "2")
    holder.follow()
    assert holder.current.version == "1"


def test_what_is_named_already_is_not_loaded_again(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    model, lineup = holder.current, holder.lineup
    name(models, "1")
    holder.follow()
    assert (holder.current, holder.lineup) == (model, lineup)


def test_a_batch_that_took_the_old_models_keeps_them(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    taken = holder.lineup
    copied(models, "2")
    name(models, "2")
    holder.follow()
    assert [model.version for model, _, _ in taken.score(["u1"], ROWS[:1])] == ["1"]


@pytest.mark.parametrize("version", ["2", "3"], ids=["of another hash", "missing"])
def test_a_broken_champion_leaves_the_last_good_one_in_force(models: Path, version: str) -> None:
    holder = ModelHolder.load(models, CASE)
    broken(models, "2")
    name(models, version)
    holder.follow()
    assert holder.current.version == "1"
    assert metric("pipeline_model_refused", what=version) == 1


def test_a_champion_that_was_mended_is_taken(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    broken(models, "2")
    name(models, "2")
    holder.follow()
    copied(models, "2")
    holder.follow()
    assert holder.current.version == "2"
    assert metric("pipeline_model_refused", what="2") == 0


def test_malformed_aliases_leave_all_as_it_was(models: Path) -> None:
    copied(models, "2")
    name(models, "1", challenger="2")
    holder = ModelHolder.load(models, CASE)
    (models / CASE.name / ALIASES).write_text("{")
    holder.follow()
    assert served_by(holder) == [("1", "2"), ("1", "2")]
    assert metric("pipeline_model_refused", what=ALIASES) == 1


def test_a_challenger_in_shadow_scores_beside_the_champion(models: Path) -> None:
    copied(models, "2")
    name(models, "1", challenger="2")
    holder = ModelHolder.load(models, CASE)
    assert served_by(holder) == [("1", "2"), ("1", "2")]
    assert metric("pipeline_challenger_info", version="2", share="0") == 1


def test_a_challenger_with_a_share_serves_its_users(models: Path) -> None:
    copied(models, "2")
    share = 0.5
    taken = [Challenger(version="2", since=SINCE, share=share).takes(user) for user in ("u1", "u2")]
    name(models, "1", challenger="2", share=share)
    holder = ModelHolder.load(models, CASE)
    assert [version for version, _ in served_by(holder)] == ["2" if one else "1" for one in taken]


def test_a_broken_challenger_leaves_the_champion_alone(models: Path) -> None:
    broken(models, "2")
    name(models, "1", challenger="2")
    holder = ModelHolder.load(models, CASE)
    assert [version for version, _ in served_by(holder)] == ["1", "1"]
    assert metric("pipeline_model_refused", what="2") == 1


def test_a_new_champion_comes_in_even_with_a_broken_challenger(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    copied(models, "2")
    broken(models, "3")
    name(models, "2", challenger="3")
    holder.follow()
    assert holder.current.version == "2"


def test_a_withdrawn_challenger_scores_no_more(models: Path) -> None:
    copied(models, "2")
    name(models, "1", challenger="2")
    holder = ModelHolder.load(models, CASE)
    name(models, "1")
    holder.follow()
    assert all(shadow != "2" for _, shadow in served_by(holder))
    assert metric("pipeline_challenger_info", version="2", share="0") == 0


def test_a_problem_is_logged_once(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holder = ModelHolder.load(models, CASE)
    name(models, "7")
    for _ in range(3):
        holder.follow()
    assert capsys.readouterr().out.count("cannot be put in force") == 1


def test_a_reader_never_sees_anything_but_whole_models(models: Path) -> None:
    holder = ModelHolder.load(models, CASE)
    for version in ("2", "3"):
        copied(models, version)
    seen: set[tuple[str, ...]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(tuple(version for version, _ in served_by(holder)))

    reader = threading.Thread(target=read)
    reader.start()
    for version in ("2", "3") * 5:
        name(models, version)
        holder.follow()
    done.set()
    reader.join(timeout=5)
    assert seen <= {("1", "1"), ("2", "2"), ("3", "3")}
    assert holder.current.version == "3"


def test_following_outlives_whatever_goes_wrong_once() -> None:
    problems = iter([ValueError("odd")])
    looked, over = threading.Event(), threading.Event()

    def follow() -> None:
        for problem in problems:
            raise problem
        looked.set()

    def pause(_seconds: float) -> None:
        if looked.is_set():
            over.wait()

    keep_following(follow, pause)
    assert looked.wait(5)


def test_the_file_of_aliases_is_plain_json(models: Path) -> None:
    name(models, "1", challenger="2", share=0.1)
    assert json.loads((models / CASE.name / ALIASES).read_text()) == {
        "champion": "1",
        "before": [],
        "challenger": {"version": "2", "since": SINCE, "share": 0.1},
    }
