from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from cli.commands.up import next_step
from cli.stack.live import line, shown, table
from cli.stack.watch import Row
from cli.state.scrape import Numbers

ROW = Row("serving", Numbers(12_345, 67, 8, 9), 1_500.4, "running")
OTHER = Row("event_handler", Numbers(1, 1), 0, "refused: [no] topic")


def printed(rows: list[Row]) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(table(rows, "a caption"))
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined] # a StringIO


def test_the_table_has_a_row_for_every_stage() -> None:
    assert "serving │ 12,345 │ 67 │ 8 │ 1,500 │ 9 │ running" in printed([ROW, OTHER])


def test_a_reason_is_shown_as_it_is() -> None:
    assert "refused: [no] topic" in printed([OTHER])


def test_a_line_says_the_same() -> None:
    assert line(ROW) == "serving: in 12345, out 67, rejected 8, 1500/s, lag 9, running"


def test_where_nobody_watches_only_what_is_new_is_printed() -> None:
    output = StringIO()
    with shown(Console(file=output), "a caption", lambda _: "") as (show, _):
        show([ROW, OTHER])
        show([ROW, OTHER])
    assert output.getvalue().splitlines() == ["a caption", line(ROW), line(OTHER)]


def test_advice_is_given_once_and_again_only_when_it_is_another() -> None:
    output = StringIO()
    with shown(Console(file=output), "a caption", lambda rows: rows[0].health) as (show, _):
        show([ROW])
        show([ROW])
    assert output.getvalue().splitlines() == ["a caption", line(ROW), "running"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (Row("serving", Numbers(), 0, "running"), "pipeline generate"),
        (Row("serving", Numbers(), 0, "starting"), ""),
        (Row("serving", Numbers(1), 0, "running"), ""),
    ],
)
def test_who_sees_zeros_only_is_told_what_to_do_next(row: Row, says: str) -> None:
    assert says in next_step([row])
    assert bool(next_step([row])) is bool(says)


def test_names_of_stages_are_whole_on_a_narrow_terminal() -> None:
    console = Console(file=StringIO(), width=50)
    console.print(table([ROW, OTHER], "a caption"))
    assert "event_handler" in console.file.getvalue()  # type: ignore[attr-defined] # a StringIO
