from __future__ import annotations

from itertools import islice

import pytest

import use_cases
from generator.stream import live, world_of
from pipeline.clock import FixedClock
from pipeline.errors import SettingsError
from pipeline.world import WORLD_END, World, WorldSize

SIZE = WorldSize(users=3, events=4, seed=9)


@pytest.mark.parametrize("case", use_cases.streams())
def test_every_use_case_brings_a_world_with_a_table_for_each_of_its_lookups(case: str) -> None:
    world = world_of(case)(SIZE)
    assert len(list(world.events())) == world.total
    assert world.lookups().keys() == {lookup.name for lookup in use_cases.load(case).lookups}


@pytest.mark.parametrize("name", ["no_such_case", "first_day_churn.people"])
def test_a_case_without_a_world_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="has no world"):
        world_of(name)


def test_live_goes_on_with_the_next_seed_when_a_world_is_over() -> None:
    build, clock = world_of("first_day_churn"), FixedClock(WORLD_END)
    first = list(build(SIZE).live(clock.now))
    second = list(build(WorldSize(3, 4, seed=10)).live(clock.now))
    records = list(islice(live(build, SIZE, clock.now), len(first) + len(second)))
    assert records == first + second


def test_live_worlds_end_now() -> None:
    sizes: list[WorldSize] = []
    clock = FixedClock(WORLD_END + 17)

    def build(size: WorldSize) -> World:
        sizes.append(size)
        return world_of("first_day_churn")(size)

    list(islice(live(build, SIZE, clock.now), 30))
    assert [size.seed for size in sizes] == [9, 10]
    assert {size.end for size in sizes} == {WORLD_END + 17}
