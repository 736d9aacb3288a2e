"""From the log to a version in shadow or in service: once, however often it is run or killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import model_folder, read_manifest, verified_model, write_model
from pipeline.registry import Aliases, Challenger, retraining, write_aliases
from pipeline.times import format_time
from promotion.decisions import Act, decisions
from promotion.gates import Gate, Verdict
from promotion.registrar import Contender
from promotion.retraining import Retraining, Way
from tests.promotion.logs import LABELS, TRUTH, inference, logged, shadowed
from tests.promotion.shelf import CASE, SHIPPED, registrar, shelve
from tests.promotion.test_registrar import COMPARISON
from tests.support.events import NOON
from training.command import FromDataset, Order
from training.data.dataset import Dataset, read_source

SCORES = [inference(user, n) for n, user in enumerate(TRUTH)]


class Killed(Exception):
    """Stands for kill -9."""


@dataclass
class World:
    """A log, a folder of models whose version 1 is champion, and what was trained and judged."""

    root: Path
    passes: bool = True
    said: list[str] = field(default_factory=list)
    trained: list[str] = field(default_factory=list)
    judged: list[Dataset] = field(default_factory=list)
    killed_in: str = ""

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def kept(self) -> Path:
        return self.root / "kept.parquet"

    @property
    def aliases(self) -> Aliases:
        return registrar(self.models).aliases()

    @property
    def acts(self) -> list[tuple[Act, str, bool]]:
        return [(one.act, one.version, one.done) for one in decisions(self.models, CASE.name)]

    def retrain(self, way: Way = Way.SHADOW, least: int = 500) -> bool:
        """Whether anything was decided."""
        run = Retraining(
            registrar=registrar(self.models),
            homes=[self.root / "log"],
            kept=self.kept,
            say=self.said.append,
            way=way,
            least=least,
            train=self.train,
            judge_on=self.judge_on,
        )
        return run.run() is not None

    def train(self, order: Order, _say: Callable[[str], None]) -> None:
        """The shipped model again, as if it had been learnt from the dataset."""
        self._die("training")
        assert isinstance(order.source, FromDataset)
        manifest = read_manifest(SHIPPED)
        source = {"dataset": read_source(order.source.path)}
        write_model(
            model_folder(self.models, CASE.name, order.version),
            replace(manifest, version=order.version, training=source),
            verified_model(SHIPPED, manifest),
            "",
        )
        self.trained.append(order.version)

    def judge_on(self, _case: UseCase, dataset: Dataset) -> World:
        self.judged.append(dataset)
        return self

    def judge(self, champion: Contender, challenger: Contender) -> Verdict:
        assert champion.model.version != challenger.model.version
        self._die("judging")
        return Verdict((Gate.judged("better", passed=self.passes, said=""),), COMPARISON, {})

    def _die(self, step: str) -> None:
        if self.killed_in == step:
            raise Killed


@pytest.fixture
def world(tmp_path: Path) -> World:
    shelve(tmp_path / "models", "1")
    logged(tmp_path / "log", SCORES)
    return World(tmp_path)


def test_a_version_that_passes_goes_on_trial_in_shadow(world: World) -> None:
    assert world.retrain()
    assert world.aliases.champion == "1"
    assert world.aliases.challenger is not None
    assert world.aliases.challenger.version == "2"
    assert world.acts == [(Act.CHALLENGE, "2", True)]


def test_a_version_that_passes_may_be_promoted_at_once(world: World) -> None:
    assert world.retrain(Way.PROMOTE)
    assert world.aliases == Aliases(champion="2", before=("1",))
    assert world.acts == [(Act.PROMOTE, "2", True)]


def test_a_version_that_does_not_pass_changes_nothing_and_leaves_a_record(world: World) -> None:
    world.passes = False
    assert world.retrain(Way.PROMOTE)
    assert world.aliases == Aliases(champion="1")
    assert world.acts == [(Act.PROMOTE, "2", False)]


def test_with_too_few_labels_it_says_so_and_does_nothing(world: World) -> None:
    assert not world.retrain(least=601)
    assert world.said == [
        "600 users have a label, 600 of them are new",
        "nothing to do before 601 are new",
    ]
    assert (world.trained, world.acts) == ([], [])


def test_without_new_labels_it_does_nothing_again(world: World) -> None:
    world.passes = False
    world.retrain()
    assert not world.retrain()
    assert world.trained == ["2"]
    assert "600 users have a label, 0 of them are new" in world.said


def test_new_labels_are_learnt_from(world: World, tmp_path: Path) -> None:
    world.passes = False
    world.retrain()
    more = {f"v{n}": n % 2 for n in range(500)}
    scores = [*SCORES, *(inference(user, 1_000 + n) for n, user in enumerate(more))]
    (tmp_path / "log").rename(tmp_path / "before")
    logged(tmp_path / "log", scores, {**LABELS, **more})
    assert world.retrain()
    assert world.trained == ["2", "3"]
    assert "1,100 users have a label, 500 of them are new" in world.said


@pytest.mark.parametrize(("step", "trained"), [("training", []), ("judging", ["2"])])
def test_killed_in_the_middle_it_goes_on_where_it_was(
    world: World, step: str, trained: list[str]
) -> None:
    world.killed_in = step
    with pytest.raises(Killed):
        world.retrain()
    assert (world.trained, world.acts) == (trained, [])
    world.killed_in = ""
    assert world.retrain()
    assert world.trained == ["2"]
    assert world.acts == [(Act.CHALLENGE, "2", True)]


def test_a_folder_without_a_manifest_is_used_again(world: World) -> None:
    write_aliases(world.models, CASE.name, Aliases(champion="1"))
    model_folder(world.models, CASE.name, "2").mkdir()
    world.retrain()
    assert world.trained == ["2"]


def test_the_champion_stays_it_while_a_newer_version_is_only_there(world: World) -> None:
    world.killed_in = "judging"
    with pytest.raises(Killed):
        world.retrain()
    assert world.aliases.champion == "1"


def test_of_two_runs_at_once_the_second_is_refused(world: World) -> None:
    with (
        retraining(world.models, CASE.name),
        pytest.raises(Refusal, match="being retrained already"),
    ):
        world.retrain()
    assert world.trained == []


def on_trial(root: Path, scores: list[dict[str, Any]]) -> World:
    """Version 2 has been in shadow, with these scores."""
    world = World(root)
    for version in ("1", "2"):
        shelve(world.models, version)
    trial = Challenger(version="2", since=format_time(NOON))
    write_aliases(world.models, CASE.name, Aliases(champion="1", challenger=trial))
    logged(root / "log", scores)
    return world


BETTER = [shadowed(user, n, 0.5, TRUTH[user]) for n, user in enumerate(TRUTH)]
WORSE = [shadowed(user, n, TRUTH[user], 0.5) for n, user in enumerate(TRUTH)]


def test_a_challenger_that_has_won_its_trial_becomes_champion(tmp_path: Path) -> None:
    world = on_trial(tmp_path, BETTER)
    assert world.retrain()
    assert world.aliases == Aliases(champion="2", before=("1",))
    assert world.trained == []


def test_a_challenger_that_has_won_its_trial_must_pass_the_gates_too(tmp_path: Path) -> None:
    world = on_trial(tmp_path, BETTER)
    world.passes = False
    assert world.retrain()
    assert world.aliases == Aliases(champion="1")
    assert {(act, done) for act, _, done in world.acts} == {
        (Act.PROMOTE, False),
        (Act.WITHDRAW, True),
    }


def test_a_challenger_that_has_lost_its_trial_is_withdrawn(tmp_path: Path) -> None:
    world = on_trial(tmp_path, WORSE)
    assert world.retrain()
    assert world.aliases == Aliases(champion="1")


def test_a_trial_that_is_not_decided_goes_on(tmp_path: Path) -> None:
    world = on_trial(tmp_path, BETTER[:50])
    before = world.aliases
    assert not world.retrain()
    assert world.aliases == before
    assert "go on" in world.said[0]


def test_a_trial_of_which_nothing_is_known_yet_goes_on(tmp_path: Path) -> None:
    world = on_trial(tmp_path, SCORES)
    before = world.aliases
    assert not world.retrain()
    assert world.aliases == before
    assert "whose label is known" in world.said[0]
