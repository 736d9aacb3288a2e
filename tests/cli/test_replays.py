"""Which rejections are replayed."""

from __future__ import annotations

import pytest

from cli.records.rejects import Reject
from cli.records.replays import Choice, Selection, Tally
from pipeline.records import InRecord
from tests.support.events import (
    NOON,
    SECOND,
    changed,
)

HANDLER = "event_handler"


def rejected(
    offset: int, reason: str = "not_json", stage: str = HANDLER, at: int = NOON
) -> InRecord:
    """A rejection of the source's record at that offset."""
    headers = {"origin": f"topic/0/{offset}/0", "stage": stage, "reason": reason}
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return InRecord("rejected-events", 0, 0, at // 1000, b"k", b"%d" % offset, encoded)


def selected(
    records: list[InRecord], choice: Choice, replayed: frozenset[str] = frozenset()
) -> tuple[list[int], dict[tuple[str, str], Tally]]:
    """The source offsets of what is due, and the counts."""
    selection = Selection(choice, replayed, lambda reject: reject.value != b"99")
    due = [int(one.value or b"") for one in selection.due(records)]
    return due, selection.tallies


def test_all_is_due_unless_something_is_chosen() -> None:
    due, tallies = selected([rejected(1), rejected(2, "null_value")], Choice())
    assert due == [1, 2]
    assert tallies == {(HANDLER, "not_json"): Tally(1), (HANDLER, "null_value"): Tally(1)}


def test_only_the_reasons_that_were_asked_for_are_due() -> None:
    records = [rejected(1, "a"), rejected(2, "b"), rejected(3, "c")]
    due, tallies = selected(records, Choice(reasons=frozenset("ac")))
    assert due == [1, 3]
    assert (HANDLER, "b") not in tallies


def test_only_what_was_rejected_in_time_is_due() -> None:
    records = [rejected(n, at=NOON + n * SECOND) for n in range(5)]
    choice = Choice(since=NOON + SECOND, until=NOON + 3 * SECOND)
    assert selected(records, choice)[0] == [1, 2]


def test_what_a_later_stage_rejected_is_counted_and_does_not_go_to_the_source() -> None:
    due, tallies = selected([rejected(1, stage="serving")], Choice())
    assert due == []
    assert tallies == {("serving", "not_json"): Tally(not_from_source=1)}


def test_one_stage_can_be_asked_for() -> None:
    records = [rejected(1), rejected(2, stage="serving")]
    choice = Choice(stages=frozenset({HANDLER}))
    assert selected(records, choice)[1].keys() == {(HANDLER, "not_json")}


def test_a_rejection_that_stands_there_twice_counts_once() -> None:
    due, tallies = selected([rejected(1), rejected(2), rejected(1), rejected(2)], Choice())
    assert due == [1, 2]
    assert tallies == {(HANDLER, "not_json"): Tally(2)}


def test_the_same_origin_of_two_stages_is_two_rejections() -> None:
    _, tallies = selected([rejected(1), rejected(1, stage="serving")], Choice())
    assert sum(one.found for one in tallies.values()) == 2


def test_what_the_ledger_holds_is_not_due() -> None:
    due, tallies = selected([rejected(1), rejected(2)], Choice(), frozenset({"topic/0/1/0"}))
    assert due == [2]
    assert tallies[(HANDLER, "not_json")] == Tally(due=1, replayed=1)


def test_what_the_source_does_not_take_is_counted_and_left_out() -> None:
    due, tallies = selected([rejected(99), rejected(100)], Choice())
    assert due == [100]
    assert tallies[(HANDLER, "not_json")] == Tally(due=1, too_large=1)


@pytest.mark.parametrize("headers", [(), (("origin", b"torn"), ("stage", b"event_handler"))])
def test_a_record_that_no_stage_of_ours_wrote_is_not_due(
    headers: tuple[tuple[str, bytes], ...],
) -> None:
    due, tallies = selected([InRecord("t", 0, 0, 0, None, b"1", headers)], Choice())
    assert due == []
    assert sum(one.not_from_source for one in tallies.values()) == 1


def test_a_choice_of_nothing_takes_all() -> None:
    assert Choice().takes(Reject("s", "r", "", "", 0, 0, None, None), 0)


@pytest.mark.parametrize("header", ["length", "key-length"])
def test_of_what_was_cut_nothing_can_be_replayed(header: str) -> None:
    record = rejected(0)
    cut = changed(record, headers=(*record.headers, (header, b"3000000")))
    due, tallies = selected([cut], Choice())
    assert (due, [one.too_large for one in tallies.values()]) == ([], [1])
