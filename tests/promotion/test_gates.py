from __future__ import annotations

from dataclasses import replace

import pytest

from promotion.figures import Comparison, Figures, Interval
from promotion.gates import LIMITS, GateResult, Verdict, gates

GOOD = Figures(
    log_loss=0.25,
    auc=0.94,
    calibration_error=Interval(0.04, 0.0, 0.05),
    gaps={"misses by idx": 0.1},
)
BETTER = Interval(-0.02, -0.03, -0.01)
SAME = Interval(0.0, -0.001, 0.001)
UNCLEAR = Interval(0.0, -0.01, 0.01)
WORSE = Interval(0.02, 0.01, 0.03)
FINE = Comparison(
    rows=5_000, users=500, champion=GOOD, challenger=GOOD, log_loss=BETTER, calibration_error=SAME
)


def failed(comparison: Comparison, rate: float = 1e6) -> list[str]:
    return [gate.name for gate in gates(comparison, rate) if gate.result is GateResult.FAILED]


def test_a_better_model_passes_every_gate() -> None:
    assert failed(FINE) == []
    assert [gate.name for gate in gates(FINE, 1e6)] == [
        "enough users",
        "better",
        "calibration",
        "fairness: misses by idx",
        "latency",
    ]


@pytest.mark.parametrize(
    ("loss", "calibration", "passes"),
    [
        (BETTER, SAME, True),
        (BETTER, WORSE, True),
        (SAME, SAME, False),
        (SAME, BETTER, True),
        (UNCLEAR, BETTER, False),
        (WORSE, BETTER, False),
    ],
)
def test_better_is_better_beyond_doubt_or_equal_and_better_calibrated(
    loss: Interval, calibration: Interval, *, passes: bool
) -> None:
    found = failed(replace(FINE, log_loss=loss, calibration_error=calibration))
    assert found == ([] if passes else ["better"])


def test_a_badly_calibrated_model_is_refused_however_good() -> None:
    least = LIMITS.calibration_error + 0.001
    bad = replace(GOOD, calibration_error=Interval(0.05, least, 0.06))
    assert failed(replace(FINE, challenger=bad)) == ["calibration"]


def test_groups_may_not_drift_apart_further_than_the_champions() -> None:
    apart = replace(GOOD, gaps={"misses by idx": 0.1 + LIMITS.gap_growth + 0.001})
    assert failed(replace(FINE, challenger=apart)) == ["fairness: misses by idx"]


UNKNOWN = replace(GOOD, gaps={"misses by idx": None})
UNJUDGED = replace(FINE, champion=UNKNOWN, challenger=UNKNOWN)


def test_a_gap_that_is_not_known_is_neither_passed_nor_failed() -> None:
    (gate,) = [one for one in gates(UNJUDGED, 1e6) if one.name.startswith("fairness")]
    assert gate.line == "not judged  fairness: misses by idx: no two groups of 30 users"


def test_what_could_not_be_judged_stops_nobody_and_is_named() -> None:
    verdict = Verdict(gates(UNJUDGED, 1e6), UNJUDGED, {})
    assert verdict.passed
    assert verdict.why.endswith("not judged: fairness: misses by idx")


def test_a_gate_that_failed_decides_whatever_could_not_be_judged() -> None:
    verdict = Verdict(gates(UNJUDGED, 1), UNJUDGED, {})
    assert (verdict.passed, verdict.why) == (False, "a gate was not passed")


def test_a_slow_model_is_refused() -> None:
    assert failed(FINE, rate=LIMITS.rate - 1) == ["latency"]


def test_a_few_users_decide_nothing() -> None:
    assert failed(replace(FINE, users=LIMITS.users - 1)) == ["enough users"]


def test_a_gate_says_what_it_saw() -> None:
    (better,) = [gate for gate in gates(FINE, 1e6) if gate.name == "better"]
    assert "-0.0200 (-0.0300 to -0.0100)" in better.said
