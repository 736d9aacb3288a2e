"""A marker comes back from its Redis hash, and says by its identity who wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.keys import FEATURES, Keys
from pipeline.marker import BEFORE_FIRST, Marker
from pipeline.origin import Highest, Origin
from tests.pipeline.test_origin import origins
from tests.support.properties import PROPERTY

markers = st.builds(
    Marker,
    topic_id=st.text("abc-_", min_size=1),
    generation=st.text("0123456789abcdef", min_size=8, max_size=8),
    fingerprint=st.text("0123456789abcdef", min_size=16, max_size=16),
    offset=st.integers(-1, 2**62),
    highest=st.lists(origins).map(lambda applied: highest_of(*applied)),
    lookups=st.dictionaries(st.text(), st.text()),
)


def highest_of(*applied: Origin) -> Highest:
    highest = Highest()
    for origin in applied:
        highest.admit(origin)
    return highest


@PROPERTY
@given(markers)
def test_a_marker_comes_back_from_its_hash(marker: Marker) -> None:
    assert Marker.decode(marker.encode()) == marker


def test_a_first_marker_has_applied_nothing() -> None:
    first = Marker.first("id", "g1", "f1")
    assert (first.offset, first.highest, first.lookups) == (BEFORE_FIRST, Highest(), {})


@pytest.mark.parametrize(
    "other",
    [
        Marker("id", "g1", "f1", 8, Highest(), {}),
        Marker("id", "g2", "f1", 7, Highest(), {}),
        Marker("id", "g1", "f2", 7, Highest(), {}),
        Marker("other", "g1", "f1", 7, Highest(), {}),
    ],
)
def test_markers_of_different_writers_have_different_identities(other: Marker) -> None:
    assert other.identity != Marker("id", "g1", "f1", 7, Highest(), {}).identity


def test_a_marker_moves_on_with_what_was_applied() -> None:
    moved = Marker.first("id", "g1", "f1").at(9, highest_of(Origin("s", 0, 4)), {"t": "v1"})
    assert (moved.offset, moved.lookups) == (9, {"t": "v1"})
    assert moved.highest.places == {("s", 0): (0, 4, 0)}


@pytest.mark.parametrize("missing", ["topic_id", "generation", "offset", "origins", "lookups"])
def test_a_hash_that_lacks_a_field_is_refused(missing: str) -> None:
    fields = Marker.first("id", "g1", "f1").encode()
    del fields[missing]
    with pytest.raises(KeyError):
        Marker.decode(fields)


def test_keys_of_one_partition_share_a_slot_by_its_number() -> None:
    keys = Keys("first_day_churn", FEATURES)
    assert keys.marker(3) == "first_day_churn:marker:features:{3}"
    assert keys.entity(3, "g1", "u1") == "first_day_churn:features:{3}:g1:u1"
