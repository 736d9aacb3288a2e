"""Reading states from outside the workers: the live generation, and none but it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import Fatal, Refusal
from pipeline.features import FeatureCodec, FeatureState
from pipeline.keys import FEATURES, Keys
from pipeline.marker import Marker
from pipeline.partitioner import partition_of
from pipeline.settings import RedisSettings
from pipeline.state import EntityState, StateCodec
from pipeline.store.client import connect
from pipeline.store.states import StateReader
from pipeline.store.store import Store
from tests.support.fakes import FakeStore
from use_cases.first_day_churn import USE_CASE

PARTITIONS = 4
CODEC = StateCodec(USE_CASE)
MARKER = Marker.first("topic", "g1", USE_CASE.fingerprint, PARTITIONS)


def state_of(newest: int) -> EntityState:
    state = EntityState.empty(USE_CASE)
    state.newest = newest
    return state


def read_of(newest: int) -> FeatureState:
    """What is read of the same."""
    return FeatureState(state_of(newest).read, [], newest)


async def hold(store: FakeStore, marker: Marker, newest: int, *names: str) -> None:
    """Put a state of each name into the store, under the marker's generation."""
    for name in names:
        partition = partition_of(name.encode(), PARTITIONS)
        believed = await store.marker(partition)
        await store.write(partition, believed, marker, {name: CODEC.encode(state_of(newest))})


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def reader(store: FakeStore) -> StateReader:
    peek = store.peek(CODEC.fields, FeatureCodec(USE_CASE).fields)
    return StateReader(peek, USE_CASE, PARTITIONS)


async def test_known_entities_are_found_and_others_are_not(
    store: FakeStore, reader: StateReader
) -> None:
    names = [f"user-{number}" for number in range(20)]
    await hold(store, MARKER, 5, *names)
    found = await reader.read([*names, "nobody"])
    assert found == {name: read_of(5) for name in names}


async def test_where_no_marker_is_nobody_is_known(reader: StateReader) -> None:
    assert await reader.read(["anybody"]) == {}


async def test_after_a_switch_of_generations_the_new_one_is_read(
    store: FakeStore, reader: StateReader
) -> None:
    await hold(store, MARKER, 5, "u")
    await reader.read(["u"])
    await hold(store, replace(MARKER, generation="g2"), 6, "u")
    assert await reader.read(["u"]) == {"u": read_of(6)}


async def test_an_entity_erased_in_the_live_generation_is_not_found_in_an_older_one(
    store: FakeStore, reader: StateReader
) -> None:
    await hold(store, MARKER, 5, "u")
    await reader.read(["u"])
    await store.write(
        partition_of(b"u", PARTITIONS), MARKER, replace(MARKER, generation="g2"), {"u": None}
    )
    assert await reader.read(["u"]) == {}


async def test_a_known_generation_is_read_at_once(store: FakeStore, reader: StateReader) -> None:
    await hold(store, MARKER, 5, "u")
    await reader.read(["u"])
    before = store.reads
    await reader.read(["u", "u"])
    assert store.reads == before + 1


async def test_the_state_of_another_declaration_is_refused(
    store: FakeStore, reader: StateReader
) -> None:
    await hold(store, replace(MARKER, fingerprint="another"), 5, "u")
    with pytest.raises(Refusal, match="another declaration's"):
        await reader.read(["u"])


async def test_a_state_that_is_handed_over_is_still_the_declaration_s(
    store: FakeStore, reader: StateReader
) -> None:
    await hold(store, MARKER.fenced("heir"), 5, "u")
    assert await reader.read(["u"]) == {"u": read_of(5)}


async def test_a_state_placed_by_other_partitions_is_refused(
    store: FakeStore, reader: StateReader
) -> None:
    await hold(store, replace(MARKER, partitions=8), 5, "u")
    with pytest.raises(Refusal, match="PIPELINE_PARTITIONS=8"):
        await reader.read(["u"])


async def test_a_torn_state_is_fatal(store: FakeStore, reader: StateReader) -> None:
    await hold(store, MARKER, 5, "u")
    store.entities[partition_of(b"u", PARTITIONS), "g1", "u"][0] = b"no number"
    with pytest.raises(Fatal, match="suspect"):
        await reader.read(["u"])


async def test_more_entities_than_one_script_takes_are_read(redis_url: str) -> None:
    client = connect(RedisSettings(redis_url))
    case = replace(USE_CASE, name="state-reader")
    store = Store(client, Keys(case.name, FEATURES), CODEC.fields)
    names = [f"user-{number}" for number in range(2_500)]
    for start in range(0, len(names), 500):
        part = {name: CODEC.encode(state_of(7)) for name in names[start : start + 500]}
        believed = await store.marker(0)
        await store.write(0, believed, replace(MARKER, partitions=1, offset=start), part)
    try:
        assert len(await StateReader.on(client, case, 1).read(names)) == len(names)
    finally:
        await client.aclose()
