"""However a log is split into batches, Redis holds the fold's bits, and outputs are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.control import erase_record, lookup_record
from pipeline.records import OutRecord
from pipeline.stateful import parts
from tests.support.events import (
    NOON,
    SECOND,
    V1,
    V2,
    batch_of,
    bet,
    log_of,
    purchase,
    registration,
    win,
)
from tests.support.fakes import FakeStore, origin_of
from tests.support.properties import PROPERTY
from tests.support.stages import INDEX, TOPICS, Rig, straight_fold

Content = Mapping[str, Any] | OutRecord

users = st.integers(0, 24).map("u{}".format)
events: st.SearchStrategy[Content] = st.builds(
    lambda build, amount, user, minutes, name: build(
        amount, user, NOON + minutes * 60 * SECOND, event_id=name
    ),
    st.sampled_from([purchase, bet, bet, win]),
    st.floats(0, 1e6, allow_nan=False),
    users,
    st.integers(-100, 1600),
    st.none() | st.integers(0, 12).map("e{}".format),
)
registrations = st.builds(
    lambda user, postcode: registration(user, postcode=postcode),
    users,
    st.sampled_from([10000, 10001, 10002]),
)
controls = st.one_of(
    st.sampled_from([V1, V2]).map(lambda version: lookup_record(INDEX, version)),
    users.map(erase_record),
    st.just(OutRecord(b"k", b"not json", (("origin", b"other/0/1/0"),))),
)
logs = st.lists(st.one_of(events, events, events, registrations, controls), max_size=120)


@PROPERTY
@given(logs, st.lists(st.integers(1, 40), min_size=1, max_size=8))
async def test_any_split_into_batches_gives_the_same_bits(
    contents: list[Content], sizes: list[int]
) -> None:
    records = log_of(contents)
    store = FakeStore()
    rig = Rig({0: records}, store, cached=10)
    rig.sizes(*sizes)
    await rig.run()
    expected = straight_fold(records)
    assert {entity: one for (_, _, entity), one in store.entities.items()} == expected.entities
    requested = [
        one for one in rig.writer.effective(TOPICS.features) if one.headers[0][0] != "kind"
    ]
    found = [(origin_of(one), (one.key or b"").decode()) for one in requested]
    assert found == expected.scored


@PROPERTY
@given(logs, st.lists(st.integers(1, 40), min_size=1, max_size=8))
async def test_any_split_into_batches_gives_the_same_outputs_byte_for_byte(
    contents: list[Content], sizes: list[int]
) -> None:
    records = log_of(contents)
    whole, split = Rig({0: records}, size=1000, cached=1000), Rig({0: records}, cached=10)
    split.sizes(*sizes)
    await whole.run()
    await split.run()
    assert whole.writer.logs == split.writer.logs


@PROPERTY
@given(st.lists(st.one_of(st.none(), users), max_size=60), st.integers(1, 5), st.integers(1, 9))
def test_a_batch_is_cut_at_a_record_so_that_no_part_is_too_large(
    names: list[str | None], most: int, long: int
) -> None:
    contents = [lookup_record(INDEX, V1) if name is None else bet(1, name) for name in names]
    records = log_of(contents)
    items = Rig({0: records}).stage.core.decode(batch_of(records), -1) if records else []
    cut = list(parts(items, most, long))
    assert [item for part in cut for item in part] == items
    assert all(0 < len(part) <= long for part in cut)
    assert all(len({one.entity for one in part if one.entity}) <= most for part in cut)
