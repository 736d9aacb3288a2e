"""Every source record comes out on exactly one of two topics, with its origin."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_handler.core import FORWARDED, REJECTED, Handler
from pipeline.origin import HEADER, TIME_HEADER, header_in
from pipeline.partitioner import partition_of
from pipeline.records import Headers, InRecord, Target
from pipeline.rejection import DETAIL_HEADER, REASON_HEADER, STAGE_HEADER
from pipeline.topics import Topics
from pipeline.validation import Validator
from tests.support.events import NOON, bet, consumed
from tests.support.properties import PROPERTY
from use_cases.first_day_churn import USE_CASE

TOPICS = Topics.of(USE_CASE)
PARTITIONS = 8
HANDLER = Handler(Validator(USE_CASE), TOPICS, PARTITIONS)
MILLIS = NOON // 1000


def source(
    value: bytes | None,
    *,
    key: bytes | None = None,
    partition: int = 3,
    offset: int = 17,
    headers: Headers = (),
    timestamp: int = MILLIS,
) -> InRecord:
    return consumed(
        value,
        topic=TOPICS.generated,
        partition=partition,
        offset=offset,
        key=key,
        headers=headers,
        timestamp=timestamp,
    )


def a_bet(user: str = "u1") -> bytes:
    return orjson.dumps(bet(3, user))


def test_an_accepted_record_goes_to_its_entity_s_partition() -> None:
    handled = HANDLER.handle(4, source(a_bet("player-7")))
    expected = partition_of(b"player-7", PARTITIONS)
    assert handled.target == Target(TOPICS.incoming, expected)
    assert (handled.outcome, handled.kind) == (FORWARDED, "bet")


@pytest.mark.parametrize("key", [None, b"", b"another", b"\xff"])
def test_its_key_is_the_entity_whatever_key_it_came_with(key: bytes | None) -> None:
    handled = HANDLER.handle(4, source(a_bet("u1"), key=key))
    assert handled.record.key == b"u1"
    assert handled.target.partition == partition_of(b"u1", PARTITIONS)


@pytest.mark.parametrize(
    ("key", "repaired"), [(None, False), (b"u1", False), (b"another", True), (b"", True)]
)
def test_a_key_that_is_not_the_entity_is_counted_as_repaired(
    key: bytes | None,
    repaired: bool,  # noqa: FBT001 - a table of cases
) -> None:
    assert HANDLER.handle(4, source(a_bet(), key=key)).repaired_key is repaired


def test_a_forwarded_record_carries_its_origin_and_the_time_it_arrived() -> None:
    record = HANDLER.handle(4, source(a_bet())).record
    assert record.headers == (
        (HEADER, f"{TOPICS.generated}:4/3/17/0".encode()),
        (TIME_HEADER, b"%d" % MILLIS),
    )


def test_an_origin_that_comes_in_is_overwritten() -> None:
    forged = ((HEADER, b"other/0/0/0"), ("kind", b"control"))
    record = HANDLER.handle(4, source(a_bet(), headers=forged)).record
    assert header_in(record.headers, HEADER) == f"{TOPICS.generated}:4/3/17/0".encode()
    assert len(record.headers) == 2


def test_a_record_that_calls_itself_control_is_an_event_like_any_other() -> None:
    forged = source(a_bet(), headers=(("kind", b"control"),))
    assert header_in(HANDLER.handle(4, forged).record.headers, "kind") is None


@pytest.mark.parametrize("value", [None, b"", b"not json", b"\xff" * 100_000])
def test_a_rejected_record_is_kept_as_it_came(value: bytes | None) -> None:
    handled = HANDLER.handle(4, source(value, key=b"k"))
    assert (handled.record.key, handled.record.value) == (b"k", value)
    assert (handled.target, handled.outcome) == (Target(TOPICS.rejected, 3), REJECTED)


def test_a_rejected_record_says_who_rejected_it_and_why() -> None:
    record = HANDLER.handle(4, source(b'{"event_type":"bet","user_id":"u1"}')).record
    headers = dict(record.headers)
    assert headers == {
        HEADER: f"{TOPICS.generated}:4/3/17/0".encode(),
        TIME_HEADER: b"%d" % MILLIS,
        STAGE_HEADER: b"event_handler",
        REASON_HEADER: b"missing_event_time",
        DETAIL_HEADER: b"event_time",
    }


@pytest.mark.parametrize(("partition", "target"), [(0, 0), (7, 7), (8, 0), (21, 5)])
def test_rejected_records_of_a_source_partition_stay_together(partition: int, target: int) -> None:
    handled = HANDLER.handle(4, source(b"", partition=partition))
    assert handled.target == Target(TOPICS.rejected, target)


def test_an_event_more_than_5_minutes_ahead_of_its_record_is_rejected() -> None:
    late = HANDLER.handle(4, source(a_bet(), timestamp=MILLIS - 300_000))
    early = HANDLER.handle(4, source(a_bet(), timestamp=MILLIS - 300_001))
    assert (late.outcome, early.kind) == (FORWARDED, "implausible_event_time")


def test_a_record_without_a_time_sets_no_limit() -> None:
    assert HANDLER.handle(4, source(a_bet(), timestamp=-1)).outcome == FORWARDED


@PROPERTY
@given(st.none() | st.binary(max_size=60), st.none() | st.binary(max_size=200))
def test_any_record_comes_out_once(key: bytes | None, value: bytes | None) -> None:
    handled = HANDLER.handle(4, source(value, key=key))
    assert handled.target.topic in {TOPICS.incoming, TOPICS.rejected}
    assert 0 <= handled.target.partition < PARTITIONS
    assert header_in(handled.record.headers, HEADER) == f"{TOPICS.generated}:4/3/17/0".encode()
