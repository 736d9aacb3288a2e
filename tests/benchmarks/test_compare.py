from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import compare
from benchmarks.compare import strayed, worse
from benchmarks.course import Figures
from benchmarks.findings import Findings, Measure
from benchmarks.report import Report
from benchmarks.results import Ratio, Round
from benchmarks.size import FULL


def ran(rate: float) -> Figures:
    return Figures(10.0, rate, rate, 2**20, 2**20)


def report(*ratios: float, again: float = 1.0, latency: float = 10.0) -> Report:
    """Rounds of one stage against a naive of 1; the control is `again` times as fast."""
    rounds = [Round(ran(one), ran(1), ran(one * again)) for one in ratios]
    found = Findings(
        (Ratio("stream_features", "Bytewax", "rate", ratios, 1.5),),
        (Measure("event to feature", "ms", (latency,), 15.0),),
    )
    return Report(FULL, {"machine": {}}, {"stream_features": rounds}, {"all": found})


def test_a_ratio_that_fell_by_more_than_the_noise_is_named() -> None:
    lines = list(worse(report(40, 50, 45, again=1.1), report(80, 90, 100, again=1.2)))

    assert len(lines) == 3
    assert lines[0] == (
        "stream_features / naive (rate): 45.00, was 90.00; the noise explains down to 75.00"
    )


def test_a_ratio_that_fell_within_the_noise_of_the_stored_run_is_not() -> None:
    assert list(worse(report(80), report(90, again=1.2))) == []


def test_a_ratio_that_fell_within_the_noise_of_the_new_run_is_not() -> None:
    assert list(worse(report(80, again=0.8), report(90))) == []


def test_a_ratio_that_rose_is_not_named() -> None:
    assert list(worse(report(100), report(50))) == []


def test_what_only_one_run_has_is_not_compared() -> None:
    assert list(worse(Report(FULL, {}, {}), report(50))) == []
    assert list(worse(report(50), Report(FULL, {}, {}))) == []


def test_the_noise_is_that_of_the_stages_compared() -> None:
    calm, wild = Round(ran(1), None, ran(1.25)), Round(ran(1), None, ran(3))
    run = Report(FULL, {}, {"serving": [calm], "event_handler": [wild]})

    assert strayed(Ratio("serving", "naive", "rate", (1.0,)), run) == pytest.approx(1.25)


def test_the_noise_counts_as_much_downwards_as_upwards() -> None:
    run = report(1, again=0.5)

    assert strayed(Ratio("stream_features", "naive", "rate", (1.0,)), run) == pytest.approx(2)


def test_a_measure_that_no_longer_meets_its_target_is_named() -> None:
    (line,) = worse(report(50, latency=20.0), report(50, latency=10.0))

    assert line == "event to feature: 20.00 ms, was 10.00; the target of under 15 was met"


def test_a_measure_that_missed_its_target_before_is_not_named() -> None:
    assert list(worse(report(50, latency=30.0), report(50, latency=20.0))) == []


@pytest.mark.parametrize(("rate", "status"), [(50, 0), (10, 1)])
def test_the_command_ends_with_1_when_something_got_worse(
    rate: float, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(50).write(tmp_path / "stored.json")
    report(rate).write(tmp_path / "new.json")
    arguments = ["compare", str(tmp_path / "new.json"), str(tmp_path / "stored.json")]
    monkeypatch.setattr("sys.argv", arguments)

    assert compare.main() == status


def test_a_file_without_results_ends_the_command_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path / "missing.json")])

    assert compare.main() == 2
