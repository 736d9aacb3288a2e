from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import sha256_of
from training.candidates import CANDIDATES, Candidate, Classifier
from training.card import card
from training.conversion import OnnxScorer
from training.costs import Costs
from training.data.audit import Leak
from training.optimum import OPTIMA
from training.quality import loss
from training.search import FOLDS
from training.table import Flags, Floats, Table
from training.train import Plan, split, train

BY_NAME = {one.name: one for one in CANDIDATES[::-1]}
REGRESSION, FOREST = BY_NAME["logistic_regression"], BY_NAME["random_forest"]
SOURCE = {"source": "a test"}


def fast(content: bytes, inputs: Floats) -> float:  # noqa: ARG001 - a rate that no machine changes
    return 1e6


def slow_if_small(content: bytes, inputs: Floats) -> float:  # noqa: ARG001 - as above
    return 1.0 if len(content) < 10_000 else 1e6


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="session")
def plan(case: UseCase) -> Plan:
    return Plan(case, "1", seed=5, candidates=(REGRESSION,), rate=fast)


def test_the_manifest_names_the_model_and_what_it_reads(plan: Plan, table: Table) -> None:
    trained = train(plan, table, SOURCE, quiet)
    manifest = trained.manifest
    manifest.check_inputs(plan.case)
    assert manifest.sha256 == sha256_of(trained.content)
    assert (manifest.version, manifest.algorithm) == ("1", "logistic_regression")
    assert manifest.training["source"] == "a test"


def test_the_same_data_and_seed_give_the_same_model_and_manifest(plan: Plan, table: Table) -> None:
    assert train(plan, table, SOURCE, quiet) == train(plan, table, SOURCE, quiet)


def test_another_seed_gives_another_model(plan: Plan, table: Table) -> None:
    first, second = (train(replace(plan, seed=seed), table, SOURCE, quiet) for seed in (5, 6))
    assert first.content != second.content


def test_the_metrics_are_those_of_the_shipped_bytes_on_users_held_out(
    plan: Plan, table: Table
) -> None:
    trained = train(plan, table, SOURCE, quiet)
    held_out = split(plan.case, table, plan.seed).held_out
    scores = OnnxScorer(trained.content).score(held_out.inputs)
    assert trained.manifest.metrics["log_loss"] == loss(held_out.labels, scores)
    assert trained.manifest.training["rows_held_out"] == len(scores)


def test_the_candidate_with_the_lowest_cross_validated_log_loss_is_chosen(
    plan: Plan, table: Table
) -> None:
    both = replace(plan, candidates=(FOREST, REGRESSION))
    trained = train(both, table, SOURCE, quiet)
    losses = {name: one["log_loss"] for name, one in trained.manifest.metrics["candidates"].items()}
    assert set(losses) == {"logistic_regression", "random_forest"}
    assert losses[trained.manifest.algorithm] == min(losses.values())


def test_a_better_candidate_that_is_too_slow_is_left_out_and_named(
    plan: Plan, table: Table
) -> None:
    said: list[str] = []
    both = replace(plan, candidates=(FOREST, REGRESSION), rate=slow_if_small)
    trained = train(both, table, SOURCE, said.append)
    assert trained.manifest.algorithm == "random_forest"
    assert list(trained.manifest.metrics["candidates"]) == ["logistic_regression", "random_forest"]
    assert "logistic_regression: left out: 1 rows/s, 60,000 at least" in said


def test_with_no_candidate_left_the_training_is_refused(plan: Plan, table: Table) -> None:
    with pytest.raises(Refusal, match="no candidate"):
        train(replace(plan, rate=slow_if_small), table, SOURCE, quiet)


def test_the_threshold_follows_from_the_costs_and_both_are_told(plan: Plan, table: Table) -> None:
    manifest = train(replace(plan, costs=Costs(3, 10)), table, SOURCE, quiet).manifest
    assert manifest.threshold == 0.3
    assert manifest.costs == {"offer": 3, "churner": 10}


def test_the_manifest_tells_calibration_and_fairness(plan: Plan, table: Table) -> None:
    manifest = train(
        replace(plan, optimum=OPTIMA["first_day_churn"]), table, SOURCE, quiet
    ).manifest
    assert manifest.calibration["optimum"]["expected_error"] >= 0
    assert set(manifest.fairness) == {"socioeconomic_idx", "age"}


def test_where_the_world_is_not_known_no_best_possible_is_named(plan: Plan, table: Table) -> None:
    manifest = train(plan, table, SOURCE, quiet).manifest
    assert manifest.metrics["optimum"] is manifest.metrics["raw_optimum"] is None
    assert "best of features" not in card(manifest, "Of a test.")


def test_too_few_users_are_refused(plan: Plan, table: Table) -> None:
    with pytest.raises(Refusal, match="too few users"):
        train(plan, table.where(table.users == 0), SOURCE, quiet)


def test_no_user_is_learnt_from_and_held_out(plan: Plan, table: Table) -> None:
    parts = split(plan.case, table, plan.seed)
    assert not set(parts.learnt.users.tolist()) & set(parts.held_out.users.tolist())
    assert len(parts.learnt.labels) + len(parts.held_out.labels) == len(table.labels)


def test_a_few_users_learnt_from_have_nothing_looked_up(plan: Plan, table: Table) -> None:
    parts = split(plan.case, table, plan.seed)
    blind = parts.learnt.inputs[:, 0] == 0
    assert 0 < len(np.unique(parts.learnt.users[blind])) < 0.15 * parts.learnt.count_users()
    assert (parts.held_out.inputs[:, 0] > 0).all()


def test_a_candidate_learns_from_no_row_that_is_held_out(plan: Plan, table: Table) -> None:
    learnt: list[Table] = []

    def watched(case: UseCase, given: Table, seed: int) -> Classifier:
        learnt.append(given)
        return REGRESSION.fit(case, given, seed)

    train(replace(plan, candidates=(Candidate("watched", watched, {}),)), table, SOURCE, quiet)
    held_out = split(plan.case, table, plan.seed).held_out
    assert len(learnt) == FOLDS + 1
    for given in learnt:
        assert not {*given.users.tolist()} & {*held_out.users.tolist()}


class ByRow(Table):
    """Falls apart by row, as a table would that knows nothing of users."""

    def of_share(self, share: float, salt: str) -> Flags:  # noqa: ARG002 - as a table is asked
        return np.arange(len(self.labels)) % 4 < 4 * share


def test_a_user_in_both_parts_fails_the_training(plan: Plan, table: Table) -> None:
    by_row = ByRow(table.inputs, table.labels, table.users, table.entities)
    with pytest.raises(Leak, match="users have rows in both parts"):
        train(plan, by_row, SOURCE, quiet)
