"""A state comes back from its Redis hash bit for bit."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.declaration import Aggregation, UseCase
from pipeline.recent_ids import hashed_id, remember
from pipeline.state import EntityState, StateCodec
from pipeline.windows import Lifetime, Moments
from tests.support.events import NOON
from tests.support.properties import PROPERTY
from tests.support.states import state_of
from use_cases.first_day_churn import USE_CASE

CODEC = StateCodec(USE_CASE)
MOST_COMPACT = 64
"""Bytes in a value before Redis leaves the compact encoding of a hash."""

finite = st.floats(allow_nan=False, allow_infinity=False)
moments = st.builds(Moments, st.integers(0, 2**62), finite, finite, finite)
times = st.none() | st.integers(-(2**62), 2**62)


def states(case: UseCase) -> st.SearchStrategy[EntityState]:
    many = len(case.aggregations)
    return st.builds(
        state_of,
        st.lists(finite, min_size=len(case.lookups), max_size=len(case.lookups)),
        st.lists(times, min_size=len(case.anchors), max_size=len(case.anchors)),
        st.lists(moments, min_size=many, max_size=many),
        st.lists(st.text(min_size=1).map(hashed_id), max_size=case.remembered_ids).map(b"".join),
        times,
    )


def stored(values: list[str | bytes]) -> list[bytes]:
    """What Redis gives back."""
    return [value.encode() if isinstance(value, str) else value for value in values]


def bits(state: EntityState) -> bytes:
    """Every float of a state; -0.0 is not 0.0 here."""
    floats = [*state.read, *(one for m in state.moments for one in (m.sum, m.mean, m.m2))]
    return struct.pack(f"{len(floats)}d", *floats)


@PROPERTY
@given(states(USE_CASE))
def test_a_state_comes_back_bit_for_bit(state: EntityState) -> None:
    found = CODEC.decode(stored(CODEC.encode(state)))
    assert found == state
    assert bits(found) == bits(state)


WIDE = dataclasses.replace(
    USE_CASE,
    aggregations=(
        *USE_CASE.aggregations,
        *(Aggregation(f"ever_{n}", "bet", "bet_amount", Lifetime()) for n in range(7)),
    ),
)


@PROPERTY
@given(states(WIDE))
def test_a_state_of_more_than_8_aggregations_comes_back_too(state: EntityState) -> None:
    codec = StateCodec(WIDE)
    values = codec.encode(state)
    assert codec.decode(stored(values)) == state
    assert len(codec.required) <= len(values) <= len(codec.fields)
    assert codec.required[-2:] == ("m2", "m2_1")


@PROPERTY
@given(states(USE_CASE))
def test_no_value_leaves_the_compact_encoding(state: EntityState) -> None:
    assert all(len(value) <= MOST_COMPACT for value in stored(CODEC.encode(state)))


@pytest.mark.parametrize(("ids", "most"), [(8, 650), (32, 900)])
def test_a_state_takes_no_more_than_its_ids_need(ids: int, most: int) -> None:
    state = state_of(
        [3.7],
        [NOON],
        [Moments(100, 1234.5678901234567, 12.345678901234567, 1.2345678901234567e5)] * 3,
        b"".join(hashed_id(f"e{n}") for n in range(ids)),
        NOON,
    )
    sizes = [
        len(name) + len(value)
        for name, value in zip(CODEC.fields, stored(CODEC.encode(state)), strict=False)
    ]
    assert sum(sizes) < most


def test_a_person_reads_the_features_under_their_names() -> None:
    moments = [Moments(2, 5.0, 2.5, 4.5), Moments(), Moments()]
    state = state_of([0.1], [NOON], moments)
    fields = dict(zip(CODEC.fields, CODEC.encode(state), strict=False))
    named = {name: fields[name] for name in (*USE_CASE.features[:5], "first_purchase")}
    assert named == {
        "socioeconomic_idx": "0.1",
        "purchase_sum": "5.0",
        "purchase_mean": "2.5",
        "purchase_count": "2",
        "purchase_var": "4.5",
        "first_purchase": str(NOON),
    }


def test_the_first_fields_are_the_features_in_their_order() -> None:
    assert CODEC.fields[: len(USE_CASE.features)] == USE_CASE.features


def test_no_hash_is_no_state() -> None:
    assert CODEC.decode([None] * len(CODEC.fields)) is None


def test_a_hash_that_lacks_a_field_is_refused() -> None:
    values = stored(CODEC.encode(EntityState.empty(USE_CASE)))
    with pytest.raises(ValueError, match="missing"):
        CODEC.decode([None, *values[1:]])


WRITTEN_FOR_PEOPLE = {"purchase_var", "bet_var", "win_var"}


@pytest.mark.parametrize("name", [name for name in CODEC.fields if name not in WRITTEN_FOR_PEOPLE])
def test_a_hash_that_no_codec_wrote_is_refused(name: str) -> None:
    full = EntityState.empty(USE_CASE)
    full.recent = bytes(8 * USE_CASE.remembered_ids)
    values = stored(CODEC.encode(full))
    values[CODEC.fields.index(name)] = b"garbage"
    with pytest.raises(ValueError):  # noqa: PT011 - any message will do
        CODEC.decode(values)


def test_ids_are_remembered_by_8_bytes_that_never_change() -> None:
    assert hashed_id("event-1").hex() == "1d4103bffb51791d"


def test_a_gap_in_the_ids_is_refused() -> None:
    full = EntityState.empty(USE_CASE)
    full.recent = bytes(8 * USE_CASE.remembered_ids)
    values: list[bytes | None] = [*stored(CODEC.encode(full))]
    values[CODEC.fields.index("recent_ids_1")] = None
    with pytest.raises(ValueError, match="recent ids"):
        CODEC.decode(values)


def test_an_id_is_known_by_its_own_8_bytes_alone() -> None:
    wanted = hashed_id("wanted")
    across = b"1234" + wanted + b"5678"
    assert remember(across, "wanted", 32) == across + wanted
    assert remember(across + wanted, "wanted", 32) is None
