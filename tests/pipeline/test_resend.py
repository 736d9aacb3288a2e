"""What is sent again counts once while n + k <= N: n ids of its own, k others, N remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events import Event
from pipeline.fold import DUPLICATE, Fold
from tests.support.events import NOON
from tests.support.properties import PROPERTY
from use_cases.first_day_churn import USE_CASE


def fold_of(remembered: int) -> Fold:
    return Fold(replace(USE_CASE, remembered_ids=remembered))


def counted(fold: Fold, ids: Sequence[str]) -> Counter[str]:
    """How often each id counts, in a log of one entity."""
    state = fold.empty()
    events = [Event("u", "bet", NOON, "", one, {"bet_amount": 1.0}) for one in ids]
    return Counter(
        one.event_id or "" for one in events if fold.apply(state, one, {}).reason != DUPLICATE
    )


def names(kind: str, many: int) -> list[str]:
    return [f"{kind}{number}" for number in range(many)]


def merged(draw: st.DrawFn, sequences: Sequence[Sequence[str]]) -> Iterator[str]:
    """All of them, each in its order, by chance."""
    turns = [number for number, one in enumerate(sequences) for _ in one]
    rest = [iter(one) for one in sequences]
    for number in draw(st.permutations(turns)):
        yield next(rest[number])


@st.composite
def logs(draw: st.DrawFn) -> tuple[int, list[str], list[str]]:
    """N; a body; and a log of it, some copies, whole and broken off, and others: n + k = N."""
    remembered = draw(st.integers(2, 40))
    body = names("b", draw(st.integers(1, remembered)))
    others = names("o", remembered - len(body))
    broken = draw(st.lists(st.integers(0, len(body)), max_size=3))
    copies = [body, *([body] * draw(st.integers(0, 2))), *(body[:stop] for stop in broken)]
    log = [*merged(draw, [*copies, others])]
    first = log.index(body[0])
    before = [one for one in log[:first] if one not in others]
    return remembered, body, [*before, *log[first:], *(one for one in log[:first] if one in others)]


@PROPERTY
@given(logs())
def test_up_to_the_bound_every_event_of_a_body_counts_once(
    drawn: tuple[int, list[str], list[str]],
) -> None:
    remembered, body, log = drawn
    found = counted(fold_of(remembered), log)
    assert {one: found[one] for one in body} == dict.fromkeys(body, 1)


@PROPERTY
@given(st.integers(2, 40), st.data())
def test_one_more_id_than_the_bound_counts_all_of_it_twice(
    remembered: int, data: st.DataObject
) -> None:
    body = names("b", data.draw(st.integers(1, remembered + 1)))
    others = names("o", remembered + 1 - len(body))
    found = counted(fold_of(remembered), [*body, *others, *body])
    assert {one: found[one] for one in body} == dict.fromkeys(body, 2)


@pytest.mark.parametrize("remembered", [2, 3, 32, 1024])
def test_a_full_body_leaves_room_for_as_many_others(remembered: int) -> None:
    fold, most = fold_of(remembered), remembered // 2
    body, others = names("b", most), names("o", most)
    assert replace(USE_CASE, remembered_ids=remembered).events_at_once == most
    assert set(counted(fold, [*body, *others, *body, *body]).values()) == {1}
