from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cli.selfcheck.figures import auc, figures, qualities
from cli.selfcheck.logged import files_of, once
from cli.selfcheck.result import Latency
from tests.cli.selfcheck.small_run import CASE, SmallRun


def ranked(happened: list[int], probability: list[float]) -> float | None:
    return auc(np.array(happened, np.bool_), np.array(probability))


def test_auc_is_the_share_of_pairs_ranked_right() -> None:
    assert ranked([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == 0.75


def test_auc_counts_a_tie_half() -> None:
    assert ranked([1, 0, 0], [0.5, 0.5, 0.1]) == 0.75


def test_auc_needs_both_outcomes() -> None:
    assert ranked([1, 1], [0.2, 0.3]) is None


def events(**labels: int | None) -> pa.Table:
    return pa.table({"user_id": list(labels), CASE.outcome: pa.array(labels.values(), pa.int64())})


def inferences(*rows: tuple[str, float]) -> pa.Table:
    users, probabilities = zip(*rows, strict=True)
    said = ["churn" if one >= 0.5 else "no churn" for one in probabilities]
    return pa.table({"user_id": users, "probability": probabilities, "decision": said})


def test_quality_is_that_of_every_score_and_of_each_user_s_last() -> None:
    scores = inferences(("left", 0.4), ("stayed", 0.2), ("left", 0.8), ("unknown", 0.9))
    every, last = qualities(CASE, events(left=1, stayed=0, unknown=None), scores, None)
    assert every is not None
    assert last is not None
    assert every.scores == 3
    assert every.accuracy == pytest.approx(2 / 3)
    assert every.reached.log_loss == pytest.approx(-(math.log(0.4) + 2 * math.log(0.8)) / 3)
    assert (last.scores, last.accuracy, last.reached.auc) == (2, 1.0, 1.0)


def test_the_best_possible_stands_beside_what_was_reached_on_the_same_scores() -> None:
    scores = inferences(("left", 0.4), ("stayed", 0.2), ("unknown", 0.9))
    known = events(left=1, stayed=0, unknown=None)
    every, _ = qualities(CASE, known, scores, np.array([0.9, 0.05, 0.5]))
    assert every is not None
    assert every.best is not None
    assert every.best.log_loss == pytest.approx(-(math.log(0.9) + math.log(0.95)) / 2)


def test_a_certain_mistake_costs_much_but_not_everything() -> None:
    every, _ = qualities(CASE, events(left=1), inferences(("left", 0.0)), None)
    assert every is not None
    assert 30 < every.reached.log_loss < 40


def test_there_is_no_quality_without_outcomes() -> None:
    assert qualities(CASE, events(), inferences(("left", 0.5)), None) == (None, None)


def percentiles(one: Latency | None) -> list[float]:
    assert one is not None
    return [one.p50, one.p99]


def steady_in(run: SmallRun) -> list[dict[str, Any]]:
    """The inferences of the second phase, their times in milliseconds."""
    table = once(run.evidence().logged.inferences)
    rows: list[dict[str, Any]] = [
        row | {name: row[name].timestamp() * 1_000 for name in ("timestamp", "origin_time")}
        for row in table.to_pylist()
    ]
    return [row for row in rows if row["origin_time"] * 1_000 >= run.facts.latency.began]


def test_the_way_to_a_score_ends_when_the_inference_is_appended(run: SmallRun) -> None:
    steady = steady_in(run)
    taken = [row["timestamp"] - row["origin_time"] for row in steady]
    found = figures(CASE, run.evidence().logged, run.facts, run.evidence().files).to_score
    assert percentiles(found) == pytest.approx(np.percentile(taken, [50, 99]))


def test_only_the_steady_phase_is_timed(run: SmallRun) -> None:
    evidence = run.evidence()
    found = figures(CASE, evidence.logged, run.facts, evidence.files).to_score
    assert found is not None
    assert 0 < found.records == len(steady_in(run)) < len(once(evidence.logged.inferences))


def test_the_way_to_features_ends_when_they_are_appended(run: SmallRun) -> None:
    appended = {
        (dict(record.headers).get("origin") or b"").decode(): record.timestamp
        for log in run.logs["serving-features"].values()
        for record in log
    }
    taken = [appended[row["origin"]] - row["origin_time"] for row in steady_in(run)]
    found = figures(CASE, run.evidence().logged, run.facts, run.evidence().files).to_feature
    assert percentiles(found) == pytest.approx(np.percentile(taken, [50, 99]))


def test_the_model_is_named_and_held_against_the_exact_posterior(run: SmallRun) -> None:
    evidence = run.evidence()
    found = figures(CASE, evidence.logged, run.facts, evidence.files)
    assert found.models == ("first_day_churn 1",)
    assert found.every_score is not None
    assert found.every_score.best is not None
    assert found.every_score.best.log_loss < found.every_score.reached.log_loss


def test_the_files_of_the_log_are_counted(run: SmallRun) -> None:
    paths = [*run.settings.parquet_dir.glob("*/date=*/*.parquet")]
    files = files_of(run.settings.parquet_dir, CASE)
    assert (files.count, files.size) == (9, sum(path.stat().st_size for path in paths))
