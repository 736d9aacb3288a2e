from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from benchmarks.course import Figures
from benchmarks.report import Report
from benchmarks.results import Round, noise, ratios
from benchmarks.size import QUICK


def ran(rate: float, cpu_rate: float = 1.0) -> Figures:
    return Figures(10.0, rate, cpu_rate, 2**20, 2**20)


ROUNDS = {
    "event_handler": [Round(ran(90), None, ran(99)), Round(ran(80), None, ran(80))],
    "stream_features": [
        Round(ran(60), ran(2), ran(60)),
        Round(ran(40), ran(4), ran(50)),
        Round(ran(60), ran(1), ran(30)),
    ],
}


def test_a_ratio_compares_runs_of_the_same_round_and_its_median_is_over_rounds() -> None:
    found = next(one for one in ratios(ROUNDS) if one.under == "naive" and one.by == "rate")

    assert (found.rounds, found.median) == ((30, 10, 60), 30)


def test_the_handler_is_compared_with_the_features() -> None:
    found = next(one for one in ratios(ROUNDS) if one.over == "event_handler")

    assert (found.under, found.rounds, found.target) == ("stream_features", (1.5, 2.0), 1.0)


def test_a_stage_that_was_not_measured_has_no_ratio() -> None:
    assert all("serving" not in (one.over, one.under) for one in ratios(ROUNDS))


def test_the_noise_is_the_second_run_of_the_same_code_over_the_first() -> None:
    found = {one.under: one.rounds for one in noise(ROUNDS)}

    assert found == {"event_handler": (1.1, 1.0), "stream_features": (1.0, 1.25, 0.5)}


def test_a_report_shows_and_keeps_each_ratio_with_its_target(tmp_path: Path) -> None:
    report = Report(QUICK, {"machine": {}}, ROUNDS)
    console = Console(record=True, width=120)

    report.show(console)
    report.write(tmp_path / "results" / "quick.json")

    kept = json.loads((tmp_path / "results" / "quick.json").read_text())
    assert "80, missed" in console.export_text()
    assert [one["median"] for one in kept["ratios"] if one["target"] == 80] == [30]
    assert kept["rounds"]["stream_features"][0]["naive"]["rate"] == 2
