from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.disorder import REACH, Disorder, delayed, duplicated
from generator.stream import live, world_of
from pipeline.clock import FixedClock
from pipeline.errors import SettingsError
from pipeline.events import EventDecoder
from pipeline.fold import DUPLICATE, Fold
from pipeline.validation import Validator
from pipeline.world import WORLD_END, SourceRecord, WorldSize
from tests.support.properties import PROPERTY
from use_cases.first_day_churn import USE_CASE
from use_cases.first_day_churn.world import build

SIZE = WorldSize(users=40, events=60, seed=5)
WORLD = list(build(SIZE).events())
draws = st.lists(st.none() | st.integers(0, REACH), min_size=60, max_size=60)


def sent(disorder: Disorder) -> list[SourceRecord]:
    return list(disorder.of(iter(WORLD)))


def by_key(records: Iterable[SourceRecord]) -> dict[bytes | None, list[bytes | None]]:
    found: dict[bytes | None, list[bytes | None]] = {}
    for record in records:
        found.setdefault(record.key, []).append(record.value)
    return found


def turns(count: int) -> Iterator[SourceRecord]:
    """Records of three keys in turns."""
    return (SourceRecord(b"%d" % (n % 3), b"%d" % n) for n in range(count))


def test_without_disorder_a_world_stays_as_it_is() -> None:
    assert sent(Disorder(seed=1)) == WORLD


def test_the_same_seed_gives_the_same_disorder() -> None:
    assert sent(Disorder(0.1, 0.1, 3)) == sent(Disorder(0.1, 0.1, 3))
    assert sent(Disorder(0.1, 0.1, 3)) != sent(Disorder(0.1, 0.1, 4))


def test_a_duplicate_is_the_same_record_and_the_share_of_them_is_kept() -> None:
    counts = Counter(sent(Disorder(duplicate=0.2, seed=1)))
    assert counts.keys() == set(WORLD)
    assert set(counts.values()) == {1, 2}
    assert 0.15 < sum(counts.values()) / len(WORLD) - 1 < 0.25


def test_a_late_record_comes_once_and_the_share_of_them_is_kept() -> None:
    found = sent(Disorder(late=0.2, seed=1))
    assert sorted(found) == sorted(WORLD)
    moved = sum(late_ones(by_key(WORLD)[key], values) for key, values in by_key(found).items())
    assert 0.15 < moved / len(WORLD) < 0.25


def late_ones(ordered: Sequence[bytes | None], found: Sequence[bytes | None]) -> int:
    """How many come after a later one."""
    places = [ordered.index(value) for value in found]
    return sum(place < max(places[:n], default=-1) for n, place in enumerate(places))


def test_the_fold_drops_every_duplicate_of_a_world_that_is_also_late() -> None:
    fold, validator, decoder = Fold(USE_CASE), Validator(USE_CASE), EventDecoder(USE_CASE)
    outcomes = Counter[bool]()
    for values in by_key(sent(Disorder(0.3, 0.3, 2))).values():
        state = fold.empty()
        for value in values:
            event = decoder.decode(validator.canonical(value, 2**62).value)
            outcomes[fold.apply(state, event, {}).reason == DUPLICATE] += 1
    assert outcomes[False] == len(WORLD)
    assert outcomes[True] > 0.2 * len(WORLD)


@PROPERTY
@given(draws)
def test_a_record_comes_again_after_as_many_of_its_key_as_were_drawn(
    drawn: list[int | None],
) -> None:
    left = iter(drawn)
    for values in by_key(duplicated(turns(len(drawn)), lambda: next(left))).values():
        numbers = [int(value or b"") for value in values]
        for number in set(numbers):
            places = [place for place, one in enumerate(numbers) if one == number]
            between = {one for one in numbers[places[0] : places[-1]] if one > number}
            after, further = drawn[number], sum(one > number for one in set(numbers))
            assert len(places) == (1 if after is None else 2)
            assert len(between) == min(after or 0, further)


@PROPERTY
@given(draws)
def test_a_record_comes_after_as_many_punctual_ones_of_its_key_as_were_drawn(
    drawn: list[int | None],
) -> None:
    late = [None if one is None else max(one, 1) for one in drawn]
    left = iter(late)
    for values in by_key(delayed(turns(len(drawn)), lambda: next(left))).values():
        numbers = [int(value or b"") for value in values]
        punctual = [number for number in numbers if late[number] is None]
        assert punctual == sorted(punctual)
        for place, number in enumerate(numbers):
            if (after := late[number]) is not None:
                later = sum(one > number for one in numbers[:place] if late[one] is None)
                all_later = sum(one > number for one in punctual)
                assert later == min(after, all_later)


def test_each_live_world_is_disordered_and_keeps_nothing_for_the_next() -> None:
    world, clock = world_of("first_day_churn"), FixedClock(WORLD_END)
    size, order = WorldSize(2, 9, 5), Disorder(late=0.5, seed=1).of
    plain = list(islice(live(world, size, clock.now), 20))
    found = list(islice(live(world, size, clock.now, order), 20))
    assert found != plain
    assert sorted(found) == sorted(plain)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match="a share of"):
        Disorder(duplicate=share)
    with pytest.raises(SettingsError, match="a share of"):
        Disorder(late=share)
