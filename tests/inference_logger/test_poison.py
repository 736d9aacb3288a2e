"""What nobody of ours writes has a row of its own all the same, and says why it has no content."""

from __future__ import annotations

import pyarrow as pa
import pytest

from inference_logger.rows import Rows
from inference_logger.tables import layouts
from pipeline.control import erase_record
from pipeline.origin import HEADER, KIND_HEADER, TIME_HEADER
from pipeline.parquet.format import MILLISECOND
from pipeline.records import Cut, InRecord
from pipeline.topics import Topics
from tests.inference_logger.rig import CASE
from tests.support.events import bet, consumed, log_of

TOPICS = Topics.of(CASE)
LAYOUTS = layouts(CASE)


def table(topic: str, *records: InRecord) -> list[dict[str, object]]:
    layout, rows = LAYOUTS[topic], Rows()
    rows.add(records, layout.content, {}, ("own", 0))
    found: pa.Table = layout.table(0, rows)
    found.validate(full=True)
    return found.to_pylist()  # type: ignore[no-any-return] # pyarrow ships no types


def cut(offset: int, value: bytes | None = None) -> InRecord:
    why = Cut("batch_too_large", 305_885, "ab" * 32, "gzip")
    return InRecord("topic", 0, offset, 1, None, value, (), why)


def test_what_came_without_content_has_a_row_that_says_why() -> None:
    good = log_of([bet(1), bet(2)])
    first, whole, last = table(TOPICS.incoming, cut(0), good[1], cut(2, b"head"))
    assert whole["bet_amount"] == 2.0
    assert (first["raw"], last["raw"]) == (b"", b"head")
    assert first["extra"] == (
        '{"reason":"batch_too_large","detail":"305885 bytes of gzip, sha256 ' + "ab" * 32 + '"}'
    )
    assert (first["event_type"], first["control"]) == (None, None)


def test_of_a_rejection_without_content_it_is_the_reason() -> None:
    (row,) = table(TOPICS.rejected, cut(0))
    assert (row["stage"], row["reason"]) == (None, "batch_too_large")
    assert str(row["detail"]).startswith("305885 bytes of gzip")


@pytest.mark.parametrize(
    "time", [None, b"", b"abc", b"-1", b"9" * 25, b"253402300800000", b"\xff", b"1e3", b" 1"]
)
def test_a_time_that_is_none_is_as_good_as_absent(time: bytes | None) -> None:
    rows = [
        consumed(b"{}", offset=n, headers=((TIME_HEADER, text),))
        for n, text in enumerate((time, b"7"))
    ]
    assert [row["origin_time"] for row in table(TOPICS.incoming, *rows)] == [
        None,
        pa.scalar(7, MILLISECOND).as_py(),
    ]


@pytest.mark.parametrize(
    "value",
    [
        b'{"control":"lookup","lookup":"socioeconomic_idx","version":"../../../evil"}',
        b'{"control":"erase","entity":7}',
        b'{"control":"erase","entity":"a\\u0000"}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_control_record_that_no_stage_obeys_is_kept_as_bytes(value: bytes) -> None:
    control = ((KIND_HEADER, b"control"),)
    obeyed = consumed(erase_record("u1").value, offset=1, headers=control)
    odd, erasure = table(TOPICS.incoming, consumed(value, headers=control), obeyed)
    assert (odd["control"], odd["raw"], odd["kind"]) == (None, value, "control")
    assert erasure["control"] == '{"control":"erase","entity":"u1"}'


@pytest.mark.parametrize("origin", [b"torn", b"first/0/%d/0" % 2**63, b"first/0/-1/0", None])
def test_a_forged_origin_hides_nothing_that_comes_later(origin: bytes | None) -> None:
    forged = consumed(b"{}", headers=((HEADER, origin),))
    real = consumed(b"{}", offset=1, headers=((HEADER, b"first/0/5/0"),))
    assert [row["replayed"] for row in table(TOPICS.incoming, forged, real)] == [False, False]


def test_lines_nested_without_end_are_kept_as_bytes() -> None:
    deep = b'{"x":' + b"[" * 100_000
    (row,) = table(TOPICS.incoming, consumed(deep))
    assert row["raw"] == deep
