"""A world that was stopped goes on where it was, and sends nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from generator.resuming import unsent
from pipeline.world import SourceRecord

PARTITIONS = 3
RECORDS = [SourceRecord(str(n % 7).encode(), f"event {n}".encode()) for n in range(60)]


def partition(key: bytes | None) -> int:
    return int(key or b"0") % PARTITIONS


def world() -> Iterator[SourceRecord]:
    return iter(RECORDS)


def by_partition(records: list[SourceRecord]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {number: [] for number in range(PARTITIONS)}
    for record in records:
        found[partition(record.key)].append(record.value or b"")
    return found


WHOLE = by_partition(RECORDS)


@given(
    st.tuples(*(st.integers(0, len(WHOLE[number])) for number in range(PARTITIONS))),
    st.integers(1, 60),
)
def test_whatever_each_partition_took_the_rest_makes_it_whole(
    taken: tuple[int, ...], tail: int
) -> None:
    held = {number: WHOLE[number][: taken[number]] for number in range(PARTITIONS)}
    stored = {number: held[number][-tail:] for number in held}
    rest = by_partition(list(unsent(world, partition, stored)))
    assert {number: held[number] + rest[number] for number in held} == WHOLE


def test_the_order_of_the_world_is_kept() -> None:
    rest = list(unsent(world, partition, {0: [RECORDS[0].value or b""]}))
    assert rest == sorted(rest, key=RECORDS.index)


def test_of_an_empty_topic_all_is_sent() -> None:
    assert list(unsent(world, partition, {})) == RECORDS


def test_what_others_have_written_changes_nothing() -> None:
    assert list(unsent(world, partition, {0: [b"theirs"], 2: [b""]})) == RECORDS


def test_a_record_that_was_stored_twice_is_one() -> None:
    value = WHOLE[1][4]
    rest = by_partition(list(unsent(world, partition, {1: [value, value]})))
    assert rest[1] == WHOLE[1][5:]


def test_a_value_that_the_world_has_twice_hides_nothing_that_is_unsent() -> None:
    again = [*RECORDS, RECORDS[7]]
    stored = {partition(RECORDS[7].key): [RECORDS[7].value or b""]}
    assert list(unsent(lambda: iter(again), partition, stored)) == again
