from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.__main__ import root_options_first
from cli.runs import RunNote, write_note
from embedded.stack import own
from tests.cli.helpers import Run
from tests.cli.test_runs import written


@pytest.fixture
def root(elsewhere: Path) -> Path:
    """Three runs, of which `new` was used last."""
    root = elsewhere / ".pipeline"
    write_note(root / "old", RunNote("player_activity", 8))
    written(root / "old", 5, used_at=1)
    written(root / "empty", 0, used_at=3)
    written(root / "new", 7, used_at=4)
    (root / "models").mkdir()
    return root


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


@pytest.mark.usefixtures("root")
def test_each_is_listed_with_what_it_holds_the_last_used_first(run: Run) -> None:
    rows = json.loads(run("runs", "list", "--json").output)
    assert [(row["run"], row["records"]) for row in rows] == [("new", 7), ("empty", 0), ("old", 5)]
    assert rows[0]["last_used"] == "1970-01-01T00:00:04+00:00"
    assert rows[2]["use_case"] == "player_activity"
    assert rows[2]["bytes"] > 0


@pytest.mark.usefixtures("root")
def test_it_is_said_which_one_goes_on(run: Run) -> None:
    assert "`pipeline up --resume` goes on with new" in run("runs", "list").words


def test_where_there_is_none_it_is_said_how_to_begin(run: Run) -> None:
    assert "Begin: pipeline up" in run("runs", "list").words


def test_those_that_run_are_shown(run: Run, root: Path) -> None:
    with own(root / "old"):
        rows = json.loads(run("runs", "list", "--json").output)
    assert {row["run"] for row in rows if row["running"]} == {"old"}


def test_runs_are_removed_by_name(run: Run, root: Path) -> None:
    ended = run("runs", "remove", "old", "empty")
    assert ended.status == 0, ended.errors
    assert "removed old, " in ended.output
    assert names(root) == {"new", "models"}


def test_all_but_some_that_hold_data_are_removed(run: Run, root: Path) -> None:
    assert run("runs", "remove", "--keep", "1").status == 0
    assert names(root) == {"new", "models"}


def test_what_runs_is_neither_removed_nor_counted(run: Run, root: Path) -> None:
    with own(root / "empty"):
        assert run("runs", "remove", "--keep", "0").status == 0
    assert names(root) == {"empty", "models"}


@pytest.mark.parametrize("wrong", ["no-such", "models", "../.pipeline/old"])
def test_a_name_that_is_none_removes_nothing(run: Run, root: Path, wrong: str) -> None:
    before = names(root)
    ended = run("runs", "remove", "old", wrong)
    assert ended.status == 3
    assert "`pipeline runs list` shows" in ended.errors
    assert names(root) == before


def test_one_that_runs_is_refused_before_another_is_removed(run: Run, root: Path) -> None:
    before = names(root)
    with own(root / "new"):
        ended = run("runs", "remove", "old", "new")
    assert (ended.status, names(root)) == (3, before)


@pytest.mark.parametrize("arguments", [(), ("old", "--keep", "1")])
def test_it_removes_by_name_or_by_number(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("runs", "remove", *arguments).status == 2


@pytest.mark.usefixtures("root")
def test_a_command_is_told_the_run_by_an_option(run: Run) -> None:
    assert "run old is not running" in run("--run", "old", "status").errors
    assert "there is no run lod here" in run("--run", "lod", "status").errors


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        (["status", "--run", "a", "--json"], ["--run", "a", "status", "--json"]),
        (["status", "--run=a", "--debug"], ["--run=a", "--debug", "status"]),
        (["status", "--", "--run", "a"], ["status", "--", "--run", "a"]),
        (["status", "--run"], ["status", "--run"]),
    ],
)
def test_the_option_may_stand_anywhere(words: list[str], ordered: list[str]) -> None:
    assert root_options_first(words) == ordered
