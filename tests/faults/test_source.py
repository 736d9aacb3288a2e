from __future__ import annotations

from itertools import islice

import orjson

from generator.stream import world_of
from pipeline.world import SourceRecord, WorldSize
from tests.faults.source import Malformed, interleaved, partly_without_ids, worlds
from use_cases.first_day_churn import USE_CASE

BUILD = world_of(USE_CASE.name)
SIZE = WorldSize(users=60, events=9, seed=3)


def of(records: list[SourceRecord], key: bytes | None) -> list[SourceRecord]:
    return [record for record in records if record.key == key]


def test_interleaving_keeps_every_event_and_each_entity_s_order() -> None:
    own, mixed = [*BUILD(SIZE).events()], [*interleaved(BUILD(SIZE), 1)]
    assert sorted(own) == sorted(mixed)
    assert all(of(own, key) == of(mixed, key) for key in {record.key for record in own})


def test_many_entities_are_active_at_a_time() -> None:
    first = [record.key for record in islice(interleaved(BUILD(SIZE), 1), 100)]
    assert len({*first}) > 30


def test_the_same_seed_sends_the_same_without_end() -> None:
    once, again = ([*islice(worlds(BUILD, SIZE), 2_000)] for _ in range(2))
    assert once == again
    assert len({record.key for record in once}) > 3 * SIZE.users


def test_some_entities_send_no_ids() -> None:
    sent = [*partly_without_ids(BUILD(SIZE).events())]
    named = {record.key: "event_id" in orjson.loads(record.value or b"") for record in sent}
    assert 10 < sum(named.values()) < 50


def test_what_was_malformed_is_known() -> None:
    malformed, good = Malformed(), {event.value for event in BUILD(SIZE).events()}
    sent = [*malformed.mixed(BUILD(SIZE).events(), USE_CASE, 0.2, 1)]
    strangers = {record.value for record in sent} - good
    assert malformed.values == strangers
    assert len(strangers) > 50
