from __future__ import annotations

from pathlib import Path

from tests.faults.findings import Findings, Verdict, fact, within
from tests.faults.report import as_json, markdown, problems
from tests.faults.row import Row
from tests.faults.runner import Result

GOOD = Verdict.of("I1", 5, [])
BAD = Verdict.of("I2", 5, [f"problem {n}" for n in range(30)])


def result(findings: Findings | None, error: str = "") -> Result:
    row = Row(7, "a fault", lambda _: Findings(1, 1, ()))
    return Result(row, 60.0, Path("somewhere"), [("the end", 1.5)], findings, error)


def test_a_row_passes_when_its_fault_was_injected_and_all_held() -> None:
    assert Findings(2, 2, (GOOD,)).ok
    assert result(Findings(2, 2, (GOOD,))).ok


def test_a_row_that_could_not_inject_its_fault_fails() -> None:
    assert not Findings(2, 1, (GOOD,)).ok
    assert problems(result(Findings(2, 1, (GOOD,)))) == ["injected 1 times, not 2"]


def test_a_row_that_wanted_nothing_fails() -> None:
    assert not Findings(0, 0, (GOOD,)).ok


def test_a_row_fails_with_one_promise() -> None:
    assert not Findings(2, 2, (GOOD, BAD)).ok


def test_a_row_that_raised_fails_with_what_it_raised() -> None:
    assert not result(None, "it broke").ok
    assert problems(result(None, "it broke")) == ["it broke"]


def test_a_promise_keeps_its_first_problems_and_counts_all() -> None:
    assert (len(BAD.problems), BAD.count) == (20, 30)
    assert problems(result(Findings(1, 1, (BAD,))))[-1] == "I2: and 25 more"


def test_a_target_holds_up_to_its_limit() -> None:
    assert within("back", [1.0, 4.0], 4.0).ok
    assert not within("back", [1.0, 4.1], 4.0).ok
    assert not within("back", [], 4.0).ok


def test_a_fact_says_what_was_found_instead() -> None:
    assert fact("alive", holds=True, otherwise="dead").ok
    assert fact("alive", holds=False, otherwise="dead").problems == ("dead",)


def test_the_json_says_all_that_the_table_says() -> None:
    (one,) = as_json([result(Findings(2, 2, (GOOD, BAD), recovery=3.5))])
    assert (one["row"], one["fault"], one["ok"]) == (7, "a fault", False)
    assert one["findings"]["recovery"] == 3.5
    assert [verdict["name"] for verdict in one["findings"]["verdicts"]] == ["I1", "I2"]


def test_the_table_is_written_for_the_docs_too() -> None:
    lines = markdown([result(Findings(2, 2, (GOOD,), recovery=3.5))]).splitlines()
    assert lines[0].startswith("| row | fault | injected | I1 |")
    assert lines[2].startswith("| 7 | a fault | 2 | ok |")
