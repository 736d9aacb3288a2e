"""Handlers agree on the number of each topic that a source has been, and it only grows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_handler.incarnations import Incarnations, numbered
from pipeline.errors import Refusal
from pipeline.kafka.admin import Admin
from pipeline.records import InRecord, OutRecord
from pipeline.settings import KafkaSettings
from tests.support.kafka import Cluster
from tests.support.properties import PROPERTY


def met(source: str, topic_id: str, at: int = 0) -> InRecord:
    value = json.dumps({"source": source, "topic_id": topic_id}).encode()
    return InRecord("registry", 0, 0, at, None, value)


def test_a_number_is_about_the_time_in_seconds_at_which_the_topic_was_met() -> None:
    assert numbered([met("s", "a", 5_999)]) == {("s", "a"): 5}


def test_a_topic_that_was_met_twice_keeps_its_number() -> None:
    records = [met("s", "a", 1_000), met("s", "b", 2_000), met("s", "a", 3_000)]
    assert numbered(records) == {("s", "a"): 1, ("s", "b"): 2}


def test_within_a_second_and_with_a_clock_that_goes_back_numbers_still_grow() -> None:
    records = [met("s", "a", 9_000), met("s", "b", 9_000), met("s", "c", 2_000)]
    assert [*numbered(records).values()] == [9, 10, 11]


def test_each_source_is_numbered_apart() -> None:
    assert numbered([met("s", "a", 9_000), met("t", "b", 3_000)])[("t", "b")] == 3


@pytest.mark.parametrize("value", [None, b"", b"x", b"[]", b"{}", b'{"source":1,"topic_id":"a"}'])
def test_what_is_not_ours_is_passed_over(value: bytes | None) -> None:
    stranger = InRecord("registry", 0, 0, 7_000, None, value)
    assert numbered([stranger, met("s", "a", 1_000)]) == {("s", "a"): 1}


@PROPERTY
@given(st.lists(st.tuples(st.sampled_from("st"), st.sampled_from("abc"), st.integers(0, 10**13))))
def test_what_comes_later_changes_no_number(rows: list[tuple[str, str, int]]) -> None:
    records = [met(*row) for row in rows]
    for length in range(len(records)):
        earlier, all_of_them = numbered(records[:length]), numbered(records)
        assert earlier.items() <= all_of_them.items()
    by_source: dict[str, list[int]] = {}
    for (source, _), number in numbered(records).items():
        by_source.setdefault(source, []).append(number)
    assert all(one == sorted({*one}) for one in by_source.values())


@pytest.fixture
def registry(kafka: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}incarnations"
    with Admin.connect(KafkaSettings(kafka)) as admin:
        admin.create_kept(name)
        admin.create_kept(name)
    return name


async def test_handlers_that_meet_a_topic_at_once_agree(kafka: str, registry: str) -> None:
    handlers = [Incarnations(KafkaSettings(kafka), registry) for _ in range(4)]
    first = await _all([one.number("s", "a") for one in handlers])
    second = await _all([one.number("s", "b") for one in handlers])
    assert (len({*first}), len({*second})) == (1, 1)
    assert first[0] < second[0]
    assert await handlers[0].number("s", "a") == first[0]


async def _all(asked: Sequence[object]) -> list[int]:
    return await asyncio.gather(*asked)  # type: ignore[call-overload, no-any-return] # coroutines


async def test_what_stands_there_is_not_appended_again(kafka: str, registry: str) -> None:
    for _ in range(3):
        await Incarnations(KafkaSettings(kafka), registry).number("s", "a")
    assert Cluster(kafka).ends(registry) == {0: 1}


@pytest.mark.parametrize(
    ("partitions", "configs"),
    [
        (2, {"retention.ms": "-1"}),
        (1, {"retention.ms": "60000"}),
        (1, {"retention.ms": "-1", "retention.bytes": "1000"}),
        (1, {"retention.ms": "-1", "cleanup.policy": "compact"}),
    ],
)
def test_a_registry_that_would_lose_something_is_refused(
    kafka: str, topic_prefix: str, partitions: int, configs: dict[str, str]
) -> None:
    name = f"{topic_prefix}incarnations"
    timed = {"message.timestamp.type": "LogAppendTime"}
    with Admin.connect(KafkaSettings(kafka)) as admin:
        admin.make(name, partitions, timed | configs)
        with pytest.raises(Refusal, match=name):
            admin.create_kept(name)


async def test_a_record_of_a_stranger_does_no_harm(kafka: str, registry: str) -> None:
    Cluster(kafka).append(registry, 0, [OutRecord(None, b"\xff"), OutRecord(b"k", None)])
    assert await Incarnations(KafkaSettings(kafka), registry).number("s", "a") > 0
