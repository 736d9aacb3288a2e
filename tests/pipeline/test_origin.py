"""Origins go through headers unchanged, and what is not newer is a replay."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.origin import HEADER, TIME_HEADER, Highest, Origin, header_in, origin_of, passed_on
from pipeline.records import InRecord
from tests.support.events import INCOMING_ID, consumed
from tests.support.properties import PROPERTY


class Cause(NamedTuple):
    """A decoded record."""

    origin: Origin
    record: InRecord


topic_ids = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=249
)
offsets = st.integers(0, 10**14 - 1)
origins = st.builds(
    Origin, topic_ids, st.integers(0, 1000), offsets, st.integers(0, 100), st.integers(0, 2**34)
)


@PROPERTY
@given(origins)
def test_an_origin_comes_back_from_its_header(origin: Origin) -> None:
    assert Origin.decode(origin.encode()) == origin


def test_an_origin_reads_as_topic_id_partition_offset_index() -> None:
    assert Origin("id", 3, 14, 1).encode() == b"id/3/14/1"


def test_the_origin_of_a_source_names_it_and_its_incarnation() -> None:
    assert Origin("my.source", 3, 14, 1, 1764550000).encode() == b"my.source:1764550000/3/14/1"


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"id", b"id/1/2", b"id/1/2/x", b"\xff/1/2/3", b"id/1//3", b"/1/2/3", b"id/1/2/3/4"),
        *(b"id/-1/2/3", b"id/1/-2/3", b"id/1/2/+3", b"id/1/ 2/3", b"id/1/2_0/3", b"id/1/02/3"),
        *(b"id/1/%d/3" % 2**63, b"id/1/%d/3" % 10**14, b"id:0/1/2/3", b"id:-1/1/2/3", b"i d/1/2/3"),
        *(b"id/1/2/3\n", b"i\0d/1/2/3", b"i" * 10_000 + b"/1/2/3", "id/1/\u0662/3".encode()),
    ],
)
def test_a_torn_origin_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any message will do
        Origin.decode(raw)


def test_a_record_carries_its_origin() -> None:
    record = consumed(b"", headers=((HEADER, b"first/2/7/1"),), partition=5, offset=9)
    assert origin_of(INCOMING_ID, record) == Origin("first", 2, 7, 1)


@pytest.mark.parametrize("headers", [(), ((HEADER, b"torn"),), (("other", b"first/2/7/1"),)])
def test_a_record_that_carries_none_is_its_own_first_log(
    headers: tuple[tuple[str, bytes], ...],
) -> None:
    record = consumed(b"", headers=headers, partition=5, offset=9)
    assert origin_of(INCOMING_ID, record) == Origin(INCOMING_ID, 5, 9, 0)


def test_the_first_of_two_headers_counts() -> None:
    assert header_in((("a", b"1"), ("b", b"2"), ("a", b"3")), "a") == b"1"


def test_a_stage_passes_on_the_origin_and_the_time_of_its_cause() -> None:
    carried = ((HEADER, b"first/2/7/1"), (TIME_HEADER, b"123"))
    record = consumed(b"", headers=(*carried, ("other", b"x")), offset=9)
    item = Cause(origin_of(INCOMING_ID, record), record)
    assert passed_on(item) == carried


def test_what_a_record_of_its_own_first_log_causes_carries_that_origin() -> None:
    record = consumed(b"", offset=9)
    item = Cause(origin_of(INCOMING_ID, record), record)
    assert passed_on(item) == ((HEADER, b"%s/0/9/0" % INCOMING_ID.encode()),)


def test_what_is_not_newer_is_a_replay() -> None:
    highest = Highest()
    places = [(5, 0), (5, 0), (5, 1), (5, 0), (4, 9), (6, 0), (6, 0)]
    admitted = [highest.admit(Origin("id", 0, offset, index)) for offset, index in places]
    assert admitted == [True, False, True, False, False, True, False]


def test_log_partitions_do_not_hide_each_other() -> None:
    highest = Highest()
    assert highest.admit(Origin("id", 0, 100))
    assert highest.admit(Origin("id", 1, 3))
    assert highest.admit(Origin("other", 0, 3))


def test_what_comes_late_of_a_topic_that_was_made_again_is_a_replay() -> None:
    highest = Highest()
    admitted = [
        highest.admit(Origin("source", 0, offset, 0, incarnation))
        for incarnation, offset in [(1, 5), (2, 0), (1, 6), (1, 5), (2, 1), (2, 0)]
    ]
    assert admitted == [True, True, False, False, True, False]


def test_one_place_is_remembered_for_all_topics_that_a_source_has_been() -> None:
    highest = Highest()
    for incarnation in range(1, 100):
        highest.admit(Origin("source", 0, 7, 0, incarnation))
    assert len(highest.places) == 1


@PROPERTY
@given(st.lists(origins), st.lists(origins))
def test_joined_they_cover_what_either_covers(ones: list[Origin], others: list[Origin]) -> None:
    first, second = Highest(), Highest()
    for origin in ones:
        first.admit(origin)
    for origin in others:
        second.admit(origin)
    joined = first.copy()
    joined.join(second)
    for origin in (*ones, *others):
        assert joined.covers(origin)
        after = Origin(origin.log, origin.partition, 2**63, 0, origin.incarnation)
        assert joined.covers(after) == (first.covers(after) or second.covers(after))


def test_a_copy_is_independent() -> None:
    highest = Highest()
    copied = highest.copy()
    copied.admit(Origin("id", 0, 1))
    assert highest.admit(Origin("id", 0, 1))


@PROPERTY
@given(st.lists(origins))
def test_the_highest_come_back_from_their_text(applied: list[Origin]) -> None:
    highest = Highest()
    for origin in applied:
        highest.admit(origin)
    assert Highest.decode(highest.encode()) == highest


places = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(0, 30), st.integers(0, 2))
"""Partition, incarnation, offset, index."""


@PROPERTY
@given(st.lists(places))
def test_everything_applied_and_nothing_newer_is_a_replay(
    written: list[tuple[int, int, int, int]],
) -> None:
    highest, model = Highest(), dict[int, tuple[int, int, int]]()
    for partition, *place in written:
        incarnation, offset, index = place
        newer = (incarnation, offset, index) > model.get(partition, (-1, -1, -1))
        origin = Origin("id", partition, offset, index, incarnation)
        assert highest.admit(origin) == newer
        assert highest.covers(origin)
        model[partition] = max((incarnation, offset, index), model.get(partition, (-1, -1, -1)))


@PROPERTY
@given(st.lists(places), st.lists(places), st.randoms())
def test_two_handlers_over_a_change_give_each_record_of_the_new_topic_once(
    old: list[tuple[int, int, int, int]], new: list[tuple[int, int, int, int]], draw: Random
) -> None:
    """One is stalled: its records of the old topic fall anywhere among the other's, twice."""
    late = [Origin("s", partition, offset, index, 1) for partition, _, offset, index in old] * 2
    fresh = sorted(
        {Origin("s", partition, offset, index, 2) for partition, _, offset, index in new}
    )
    mixed = [*fresh]
    for origin in late:
        mixed.insert(draw.randint(0, len(mixed)), origin)
    highest = Highest()
    admitted = [origin for origin in mixed if highest.admit(origin)]
    assert [origin for origin in admitted if origin.incarnation == 2] == fresh
    assert len(admitted) == len({*admitted})


@pytest.mark.parametrize("time", [None, b"", b"abc", b"-1", b"1" * 25, b"253402300800000", b" 1"])
def test_a_time_that_is_none_is_not_passed_on(time: bytes | None) -> None:
    record = consumed(b"", headers=((HEADER, b"first/2/7/1"), (TIME_HEADER, time)))
    item = Cause(origin_of(INCOMING_ID, record), record)
    assert passed_on(item) == ((HEADER, b"first/2/7/1"),)


def test_of_many_origins_one_is_passed_on() -> None:
    record = consumed(b"", headers=((HEADER, b"torn"), *((HEADER, b"first/2/7/1"),) * 60))
    item = Cause(origin_of(INCOMING_ID, record), record)
    assert passed_on(item) == ((HEADER, b"%s/0/0/0" % INCOMING_ID.encode()),)
