"""The cache holds its share of states a partition, and the least recently used leave first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.state import EntityState
from stream_features.cache import StateCache
from tests.support.properties import PROPERTY
from use_cases.first_day_churn import USE_CASE

STATE = EntityState.empty(USE_CASE)


def put(cache: StateCache, *entities: str, partition: int = 0) -> None:
    cache.put(partition, dict.fromkeys(entities, STATE))


def held(cache: StateCache, *entities: str, partition: int = 0) -> list[str]:
    return [*cache.get(partition, entities)]


def test_the_least_recently_used_leave_first() -> None:
    cache = StateCache(2)
    put(cache, "a", "b")
    put(cache, "a")
    put(cache, "c")
    assert held(cache, "a", "b", "c") == ["a", "c"]


def test_partitions_share_the_room() -> None:
    cache = StateCache(4)
    put(cache, "a", "b", "c", "d")
    put(cache, "e", partition=1)
    put(cache, "a")
    assert held(cache, "a", "b", "c", "d") == ["a", "d"]
    assert held(cache, "e", partition=1) == ["e"]


def test_none_drops_a_state() -> None:
    cache = StateCache(4)
    put(cache, "a", "b")
    cache.put(0, {"a": None})
    assert held(cache, "a", "b") == ["b"]


def test_forgetting_a_partition_leaves_the_others() -> None:
    cache = StateCache(4)
    put(cache, "a")
    put(cache, "b", partition=1)
    cache.forget(0)
    assert (held(cache, "a"), held(cache, "b", partition=1)) == ([], ["b"])


@PROPERTY
@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 2), st.text("abcdef", max_size=2))))
def test_it_never_holds_more_than_its_limit_once_every_partition_was_used(
    most: int, uses: list[tuple[int, str]]
) -> None:
    cache = StateCache(most)
    for partition, entity in uses:
        put(cache, entity, partition=partition)
        assert held(cache, entity, partition=partition) == [entity]
    for partition in {partition for partition, _ in uses}:
        cache.put(partition, {})
    assert len(cache) <= max(most, 3)
