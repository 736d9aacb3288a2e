"""The shipped model against a guess, on users that neither of them learnt from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import Refusal
from pipeline.world import WorldSize
from promotion.decisions import decisions
from promotion.judging import DatasetJudge, left_out_by_both
from promotion.registrar import Contender
from serving.model import Model
from tests.promotion.shelf import CASE, SHIPPED, registrar, shelve, shelve_guess
from training.data.dataset import Dataset
from training.source import table_of_world, world_of
from training.table import Table
from training.train import HELD_OUT

SIZE = WorldSize(users=500, events=20, seed=3)


@pytest.fixture(scope="module")
def table() -> Table:
    return table_of_world(CASE, world_of(CASE.name, SIZE), SIZE.end)


def judge_on(table: Table, rate: float = 1e6) -> DatasetJudge:
    source = {
        "source": "a world",
        "sha256": "ab",
        "use_case": CASE.name,
        "features": list(CASE.inputs),
        "left_out": {},
    }
    return DatasetJudge(CASE, Dataset(table, source), rate=lambda _content, _inputs: rate)


def contender(seed: int | None) -> Contender:
    return Contender(Model.load(SHIPPED, CASE), b"", seed)


def test_a_model_that_learnt_takes_over_from_a_guess(tmp_path: Path, table: Table) -> None:
    shelve(tmp_path, "1")
    shelve_guess(tmp_path, "2", 0.7)
    decision = registrar(tmp_path).promote("1", judge_on(table))
    assert decision.done, decision.failed
    assert registrar(tmp_path).aliases().champion == "1"
    assert decision.judged_on == {"source": "a world", "sha256": "ab"}


def test_a_guess_does_not_take_over(tmp_path: Path, table: Table) -> None:
    shelve_guess(tmp_path, "1", 0.7)
    shelve(tmp_path, "2")
    decision = registrar(tmp_path).promote("1", judge_on(table))
    assert [gate.name for gate in decision.failed] == ["better"]
    (kept,) = decisions(tmp_path, CASE.name)
    assert kept == decision


def test_the_same_model_again_is_not_better(tmp_path: Path, table: Table) -> None:
    shelve(tmp_path, "1")
    shelve(tmp_path, "2")
    failed = registrar(tmp_path).promote("1", judge_on(table)).failed
    assert [gate.name for gate in failed] == ["better"]


def test_a_slow_model_does_not_take_over(tmp_path: Path, table: Table) -> None:
    shelve(tmp_path, "1")
    shelve_guess(tmp_path, "2", 0.7)
    failed = registrar(tmp_path).promote("1", judge_on(table, rate=10)).failed
    assert [gate.name for gate in failed] == ["latency"]


def test_only_users_that_every_model_left_out_are_judged_on(table: Table) -> None:
    left_out = left_out_by_both(table, contender(1), contender(2))
    for seed in (1, 2):
        assert left_out.of_share(HELD_OUT, f"held out {seed}").all()
    assert 0 < left_out.count_users() < table.count_users() / 8


def test_two_models_of_one_seed_left_out_the_same_users(table: Table) -> None:
    left_out = left_out_by_both(table, contender(1), contender(1))
    assert left_out.count_users() > table.count_users() / 5


def test_a_dataset_that_both_know_all_of_is_refused(table: Table) -> None:
    learnt = table.where(~table.of_share(HELD_OUT, "held out 1"))
    with pytest.raises(Refusal, match="no user that both models left out"):
        left_out_by_both(learnt, contender(1), contender(1))


def test_a_dataset_of_other_features_is_refused(tmp_path: Path, table: Table) -> None:
    shelve(tmp_path, "1")
    shelve(tmp_path, "2")
    source = {"use_case": CASE.name, "features": ["age"]}
    judge = DatasetJudge(CASE, Dataset(table, source))
    with pytest.raises(Refusal, match="are not those of"):
        registrar(tmp_path).promote("1", judge)


def test_an_imported_model_is_not_judged_on_users_it_may_have_learnt_from(table: Table) -> None:
    with pytest.raises(Refusal, match="imported"):
        judge_on(table).judge(contender(1), contender(None))


def test_an_imported_champion_leaves_the_users_that_the_challenger_left_out(table: Table) -> None:
    left_out = left_out_by_both(table, contender(None), contender(2))
    assert left_out.count_users() == left_out_by_both(table, contender(2)).count_users()
