from __future__ import annotations

import asyncio
import json

import pytest

from cli.records.rejects import by_reason, reject_of
from pipeline.kafka.outputs import Outputs
from pipeline.records import InRecord, OutRecord, Target
from pipeline.settings import Settings
from pipeline.topics import Topics
from tests.cli.helpers import Run


def headers(reason: str, detail: str = "") -> tuple[tuple[str, bytes], ...]:
    return (
        ("origin", b"topic/0/7/0"),
        ("stage", b"event_handler"),
        ("reason", reason.encode()),
        ("detail", detail.encode()),
    )


def record(offset: int, reason: str) -> InRecord:
    return InRecord("rejected-events", 0, offset, 0, None, b"", headers(reason))


@pytest.fixture
def rejected(settings: Settings, topics: Topics) -> str:
    """Three rejected records in partition 2."""
    records = [
        OutRecord(None, b"\x1b[31m\xff", headers("not_json")),
        OutRecord(b"u1", None, headers("null_value")),
        OutRecord(b"u1", b"{}", headers("not_json", "half of it")),
    ]

    async def write() -> None:
        outputs = Outputs(settings.kafka)
        await outputs.deliver({Target(topics.rejected, 2): records})
        await outputs.close()

    asyncio.run(write())
    return topics.rejected


def test_reasons_are_counted_the_most_frequent_first() -> None:
    reasons = by_reason(reject_of(record(*one)) for one in enumerate(["a", "b", "b"]))
    assert [(one.reason, one.count, one.offset) for one in reasons] == [("b", 2, 2), ("a", 1, 0)]


def test_a_record_without_headers_is_still_a_reject() -> None:
    assert reject_of(InRecord("t", 0, 0, 0, None, b"x")).reason == ""


@pytest.mark.usefixtures("rejected")
def test_the_list_says_how_often_and_where(run: Run) -> None:
    listed = json.loads(run("rejected", "list", "--json").output)
    assert [(one["reason"], one["count"], one["partition"], one["offset"]) for one in listed] == [
        ("not_json", 2, 2, 2),
        ("null_value", 1, 2, 1),
    ]


@pytest.mark.usefixtures("rejected")
def test_a_person_reads_the_list_as_a_table(run: Run) -> None:
    assert "event_handler │ not_json │ 2 │" in run("rejected", "list").words


@pytest.mark.usefixtures("rejected")
def test_one_record_is_shown_with_its_bytes_escaped(run: Run) -> None:
    shown = run("rejected", "show", "2", "0").output
    assert "rejected by event_handler: not_json\n" in shown
    assert "value       \\x1b[31m\\xff\n" in shown


@pytest.mark.usefixtures("rejected")
def test_one_record_is_shown_with_its_detail_and_origin(run: Run) -> None:
    words = run("rejected", "show", "2", "2").words
    assert "not_json, half of it" in words
    assert "origin topic/0/7/0" in words


@pytest.mark.usefixtures("rejected")
@pytest.mark.parametrize("place", [("2", "3"), ("1", "0"), ("99", "0")])
def test_a_place_without_a_record_is_said_to_have_none(run: Run, place: tuple[str, str]) -> None:
    ended = run("rejected", "show", *place)
    assert ended.status == 1
    assert "there is no rejected record" in ended.errors


@pytest.mark.usefixtures("topics")
def test_where_nothing_was_rejected_it_says_so(run: Run) -> None:
    assert run("rejected", "list").output == "nothing was rejected\n"
