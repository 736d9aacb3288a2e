"""Aliases change only with a record, and only to what can score."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.errors import Refusal
from pipeline.registry import Aliases, Challenger, changing, named_aliases, write_aliases
from pipeline.times import format_time
from promotion.decisions import DECISIONS, Act, Decision, decisions
from promotion.figures import Comparison, Figures, Interval
from promotion.gates import Gate, GateResult, Verdict
from promotion.registrar import Contender
from tests.promotion.shelf import CASE, NOW, registrar, shelve

NOTHING = Interval(0.0, 0.0, 0.0)
FIGURES = Figures(log_loss=0.25, auc=None, calibration_error=NOTHING, gaps={})
COMPARISON = Comparison(10, 5, FIGURES, FIGURES, NOTHING, NOTHING)
PASSED, FAILED = (
    Gate.judged("better", passed=True, said="-1"),
    Gate.judged("better", passed=False, said="+1"),
)


@dataclass
class FakeJudge:
    """Says what it is told to, and remembers whom it judged."""

    gate: Gate = PASSED
    judged: tuple[str, ...] = ()
    meanwhile: Callable[[], object] = lambda: None

    def judge(self, champion: Contender, challenger: Contender) -> Verdict:
        self.judged = (champion.model.version, challenger.model.version)
        self.meanwhile()
        return Verdict((self.gate,), COMPARISON, {"sha256": "ab"})


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Versions 1 and 2, of which 1 is champion."""
    for version in ("1", "2"):
        shelve(tmp_path, version)
    write_aliases(tmp_path, CASE.name, Aliases(champion="1"))
    return tmp_path


def aliases(models: Path) -> Aliases | None:
    return named_aliases(models, CASE.name)


def only_decision(models: Path) -> Decision:
    (decision,) = decisions(models, CASE.name)
    return decision


def test_who_passes_every_gate_becomes_champion(models: Path) -> None:
    judge = FakeJudge()
    assert registrar(models).promote("2", judge).done
    assert aliases(models) == Aliases(champion="2", before=("1",))
    assert judge.judged == ("1", "2")


def test_who_fails_a_gate_does_not_and_the_refusal_is_kept(models: Path) -> None:
    assert not registrar(models).promote("2", FakeJudge(FAILED)).done
    assert aliases(models) == Aliases(champion="1")
    decision = only_decision(models)
    assert (decision.done, decision.failed) == (False, (FAILED,))


def test_who_passes_every_gate_may_go_on_trial_first(models: Path) -> None:
    assert registrar(models).shadow("2", FakeJudge()).done
    assert not registrar(models).shadow("2", FakeJudge(FAILED)).done
    trial = Challenger(version="2", since=format_time(NOW))
    assert aliases(models) == Aliases(champion="1", challenger=trial)


def test_a_record_says_who_was_judged_when_by_what_and_on_what(models: Path) -> None:
    registrar(models).promote("2", FakeJudge())
    decision = only_decision(models)
    assert (decision.act, decision.version, decision.champion) == (Act.PROMOTE, "2", "1")
    assert decision.at == format_time(NOW)
    assert decision.gates == (PASSED,)
    assert decision.judged_on == {"sha256": "ab"}
    assert decision.figures["challenger"]["log_loss"] == 0.25
    assert len(decision.sha256) == 64


def test_a_record_keeps_which_gate_could_not_be_judged(models: Path) -> None:
    unknown = Gate("fairness: misses", GateResult.NOT_JUDGED, "no two groups of 30 users")
    assert registrar(models).promote("2", FakeJudge(unknown)).done
    (path,) = (models / CASE.name / DECISIONS).glob("*.json")
    kept = json.loads(path.read_bytes())
    assert kept["gates"][0]["result"] == "not judged"
    assert kept["why"].endswith("not judged: fairness: misses")
    assert only_decision(models).gates == (unknown,)


def test_a_comparison_changes_nothing(models: Path) -> None:
    assert registrar(models).compare("2", FakeJudge()).passed
    assert aliases(models) == Aliases(champion="1")
    assert decisions(models, CASE.name) == []


def test_a_person_may_promote_without_gates_and_says_why(models: Path) -> None:
    registrar(models).promote_unjudged("2", "the first one")
    assert aliases(models) == Aliases(champion="2", before=("1",))
    assert only_decision(models).why == "the first one"


def test_the_champion_cannot_be_promoted(models: Path) -> None:
    with pytest.raises(Refusal, match="champion already"):
        registrar(models).promote("1", FakeJudge())


def test_a_version_that_cannot_score_cannot_come_in(models: Path) -> None:
    (models / CASE.name / "2" / "model.onnx").write_bytes(b"")
    with pytest.raises(Refusal, match="is not the file"):
        registrar(models).promote_unjudged("2", "")
    with pytest.raises(Refusal, match="is not the file"):
        registrar(models).challenge("2", 0.0)
    assert aliases(models) == Aliases(champion="1")


def test_another_champion_meanwhile_voids_the_judgement(models: Path) -> None:
    shelve(models, "3")
    judge = FakeJudge(meanwhile=lambda: registrar(models).promote_unjudged("3", "quicker"))
    with pytest.raises(Refusal, match="3 became champion meanwhile"):
        registrar(models).promote("2", judge)
    assert aliases(models) == Aliases(champion="3", before=("1",))


def test_a_rollback_is_possible_while_another_version_is_judged(models: Path) -> None:
    registrar(models).promote_unjudged("2", "")
    shelve(models, "3")
    judge = FakeJudge(meanwhile=lambda: registrar(models).roll_back("it is worse"))
    with pytest.raises(Refusal, match="1 became champion meanwhile"):
        registrar(models).promote("3", judge)
    assert aliases(models) == Aliases(champion="1")


def test_a_rollback_to_a_broken_version_is_refused(models: Path) -> None:
    registrar(models).promote_unjudged("2", "")
    (models / CASE.name / "1" / "model.onnx").unlink()
    with pytest.raises(Refusal, match="No such file"):
        registrar(models).roll_back("it is worse")
    assert aliases(models) == Aliases(champion="2", before=("1",))


def test_a_broken_champion_can_be_rolled_back(models: Path) -> None:
    registrar(models).promote_unjudged("2", "")
    (models / CASE.name / "2" / "manifest.json").unlink()
    assert registrar(models).roll_back("broken").champion_sha256 == ""
    assert aliases(models) == Aliases(champion="1")


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_trial_begins_now_and_ends_when_it_is_withdrawn(models: Path, share: float) -> None:
    registrar(models).challenge("2", share)
    trial = Challenger(version="2", since=format_time(NOW), share=share)
    assert aliases(models) == Aliases(champion="1", challenger=trial)
    registrar(models).withdraw("enough seen")
    assert aliases(models) == Aliases(champion="1")
    assert {one.act for one in decisions(models, CASE.name)} == {Act.CHALLENGE, Act.WITHDRAW}


def test_without_a_trial_there_is_nothing_to_withdraw(models: Path) -> None:
    with pytest.raises(Refusal, match="no version is on trial"):
        registrar(models).withdraw("")


def test_a_trial_names_the_champion_even_where_nobody_had(tmp_path: Path) -> None:
    for version in ("1", "2"):
        shelve(tmp_path, version)
    registrar(tmp_path).challenge("1", 0.0)
    named = aliases(tmp_path)
    assert named is not None
    assert (named.champion, named.challenger and named.challenger.version) == ("2", "1")


def test_a_champion_that_is_kept_stays_it_when_a_newer_version_comes(tmp_path: Path) -> None:
    shelve(tmp_path, "1")
    registrar(tmp_path).keep_champion()
    shelve(tmp_path, "2")
    assert registrar(tmp_path).aliases().champion == "1"


def test_two_acts_at_once_are_not_done(models: Path) -> None:
    with changing(models, CASE.name), pytest.raises(Refusal, match="another command"):
        registrar(models).promote_unjudged("2", "")
    assert decisions(models, CASE.name) == []
