from __future__ import annotations

import numpy as np
import pytest

import use_cases
from benchmarks.visits import OPENED, Scribe, heavy_tailed, twice, user_id
from pipeline.events import EventDecoder
from pipeline.origin import HEADER, TIME_HEADER, Origin, header_in
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from pipeline.validation import Validator
from pipeline.world import WORLD_END

CASE = use_cases.load("first_day_churn")
DAY = 24 * 3_600 * 1_000_000


def scribe() -> Scribe:
    return Scribe(partitions=8, appended_at=1_000)


def flat(records: list[list[OutRecord]]) -> list[OutRecord]:
    return [one for of in records for one in of]


def origin(record: OutRecord) -> Origin:
    return Origin.decode(header_in(record.headers, HEADER) or b"")


def test_the_events_are_as_the_handler_would_forward_them() -> None:
    made = scribe()
    records = flat(made.lives([1, 2], 0)) + flat(made.visits(np.arange(40)))

    for record in records:
        assert Validator(CASE).canonical(record.value, WORLD_END).value == record.value
        assert header_in(record.headers, TIME_HEADER) == b"1000"


def test_each_record_is_on_its_users_partition_in_the_order_of_its_origins() -> None:
    made = scribe()
    first, then = made.visits(np.arange(100)), made.visits(np.arange(100))

    for number, records in enumerate(map(list.__add__, first, then)):
        assert {partition_of(one.key or b"", 8) for one in records} <= {number}
        assert [origin(one).offset for one in records] == list(range(len(records)))


def test_visits_of_a_user_have_event_ids_of_their_own_within_the_first_day() -> None:
    events = [
        EventDecoder(CASE).decode(one.value)
        for one in flat(scribe().visits(np.zeros(99, np.int64)))
    ]

    assert len({event.event_id for event in events}) == 99
    assert all(OPENED < event.at < OPENED + DAY for event in events)


def test_a_life_has_a_purchase_first_and_more_events_than_ids_are_remembered() -> None:
    events = [EventDecoder(CASE).decode(one.value) for one in flat(scribe().lives([7], 0))]

    assert [event.event_type for event in events[:2]] == ["registration", "purchase"]
    assert {"purchase", "bet", "win"} < {event.event_type for event in events}
    assert len(events) > 8
    assert {event.entity for event in events} == {user_id(7)}


def test_twice_brings_each_user_back_when_half_of_the_others_have_been_there() -> None:
    visits = twice(np.arange(10)).tolist()

    assert sorted(visits) == sorted([*range(10)] * 2)
    assert visits[:5] == [0, 1, 2, 3, 4]
    for user in range(10):
        first, second = (place for place, one in enumerate(visits) if one == user)
        assert len({*visits[first + 1 : second]}) >= 4


def test_heavy_tailed_users_come_by_their_rank() -> None:
    users = heavy_tailed(1_000, 20_000, seed=1)
    counts = np.bincount(users, minlength=1_000)

    assert (users.min() >= 0, users.max() < 1_000) == (True, True)
    assert counts[0] / counts[9] == pytest.approx(10**1.1, rel=0.25)
