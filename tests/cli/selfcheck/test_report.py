from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cli.demo.facts import Phase, RunFacts, StageWork, Told
from cli.demo.report import render
from cli.selfcheck import Check, CheckResult
from cli.selfcheck.result import Figures, Files, Latency, Quality, Sharpness
from pipeline.world import WorldSize

WORK = (StageWork("event_handler", 203_000, 7.0), StageWork("serving", 170_000, 8.5))
LOAD = Phase("load", 0, 9_000_000, 10_000_000, 203_000, 1_000, WORK)
STEADY = Phase("latency", 10_000_000, 20_000_000, 21_000_000, 5_000, 0, WORK)
RUN = RunFacts(
    Path("run"),
    WorldSize(2_000, 100, 1),
    LOAD,
    STEADY,
    "3f2a-17",
    (Told("3f2a-17", "churn", 0.8125, "2", 0),),
)
FIGURES = Figures(
    is_scored=True,
    models=("first_day_churn 1",),
    events=207_000,
    entities=2_050,
    inferences=174_321,
    rejected={"not_json": 400, "too_large": 300, "null_value": 200, "missing_field": 60, "x": 40},
    to_feature=Latency(4_400, 6.2, 21.4),
    to_score=Latency(4_400, 14.6, 44.4),
    every_score=Quality(174_321, 0.9123, Sharpness(0.23412, 0.95117), Sharpness(0.23, 0.952)),
    last_score=Quality(2_050, 0.9512, Sharpness(0.1341, None), None),
    files=Files(Path.cwd() / ".pipeline/run/data/first_day_churn", 41, 12_345_678),
)
HOLDS = Check("it is as it should be", 2_000, "users", 0, ())
BROKEN = Check("nothing is lost", 10, "records", 5, ("a is missing", "b is missing"))
RESULT = CheckResult((HOLDS,), FIGURES)


def printed(result: CheckResult = RESULT) -> str:
    """The report where there is no terminal, with single spaces."""
    file = io.StringIO()
    Console(file=file).print(render(result, RUN))
    return "\n".join(" ".join(line.split()) for line in file.getvalue().splitlines())


@pytest.mark.parametrize(
    "line",
    [
        "208,000 sent, 1,000 of them malformed",
        "207,000 events of 2,050 users",
        "174,321 inferences",
        "1,000 rejected: not_json 400, too_large 300, null_value 200, missing_field 60,",
        "Rates: 203,000 records and all their effects in 10.0 s",
        "event_handler 203,000 7.0 29,000",
        "serving 170,000 8.5 20,000",
        "event -> features 4,400 6 21",
        "event -> score 4,400 15 44",
        "Scores of first_day_churn 1 against what became of the users",
        "every score 174,321 0.912 0.2341 0.9512",
        "best possible from its inputs 0.2300 0.9520",
        "each user's last 2,050 0.951 0.1341 -",
        "3f2a-17 churn 0.812 2",
        "it is as it should be 2,000 users 0",
        "41 files, 12.3 MB: .pipeline/run/data/first_day_churn",
        "All 1 checks hold.",
    ],
)
def test_the_report_says(line: str) -> None:
    assert line in printed().splitlines()


def test_three_commands_to_try_stand_at_the_end_and_the_first_starts_the_run_again() -> None:
    lines = printed().splitlines()
    commands = [line for line in lines if line.startswith(".venv/bin/pipeline ")]
    assert commands == [
        ".venv/bin/pipeline up --resume",
        ".venv/bin/pipeline features 3f2a-17",
        ".venv/bin/pipeline tail inferences --limit 3",
    ]


def test_a_case_without_a_model_has_no_word_of_scores() -> None:
    report = printed(CheckResult((HOLDS,), replace(FIGURES, is_scored=False, inferences=0)))
    assert "no model, no inferences" in report.splitlines()
    assert ".venv/bin/pipeline features 3f2a-17 --as-of newest" in report.splitlines()
    assert "score" not in report


def test_a_broken_promise_is_shown_with_examples_and_counted() -> None:
    lines = printed(CheckResult((HOLDS, BROKEN), FIGURES)).splitlines()
    place = lines.index("Mismatches: nothing is lost")
    assert lines[place + 1 : place + 4] == ["a is missing", "b is missing", "and 3 more"]
    assert lines[-1] == "1 of 2 checks FAILED."


def test_without_a_terminal_nothing_but_text_is_printed() -> None:
    assert "\x1b" not in printed(CheckResult((BROKEN,), FIGURES))


def test_no_line_is_cut_at_80_columns() -> None:
    file = io.StringIO()
    Console(file=file, width=80).print(render(RESULT, RUN))
    assert "…" not in file.getvalue()


def test_what_there_is_none_of_is_a_zero() -> None:
    none = replace(FIGURES, to_score=None, to_feature=None, every_score=None, last_score=None)
    lines = printed(CheckResult((HOLDS,), none)).splitlines()
    assert {"event -> score 0", "every score 0"} <= {*lines}


@pytest.mark.parametrize(("checks", "ok"), [((HOLDS,), True), ((HOLDS, BROKEN), False)])
def test_a_result_is_good_only_if_every_check_is(
    checks: tuple[Check, ...],
    ok: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert CheckResult(checks, FIGURES).ok is ok
