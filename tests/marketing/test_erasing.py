"""An erasure deletes what is remembered of somebody, where it stands in the log, and only then."""

from __future__ import annotations

from copy import deepcopy

import pytest

from pipeline.control import erase_record, lookup_record
from pipeline.origin import header_in
from pipeline.rejection import REASON_HEADER
from pipeline.topics import Topics
from tests.marketing.rig import inference
from tests.marketing.test_core import Rig
from tests.support.events import (
    NOON,
    V1,
    changed,
)
from use_cases.first_day_churn import USE_CASE

BATCHES = pytest.mark.parametrize("sizes", [(1,), (10,)])


def remembered(rig: Rig) -> set[str]:
    return {entity for _, _, entity in rig.store.entities}


@BATCHES
async def test_of_whoever_is_erased_nothing_is_remembered(sizes: tuple[int, ...]) -> None:
    rig = Rig(inference("a"), inference("b"), erase_record("a"), sizes=sizes)
    assert await rig.decided() == [("a", None), ("b", None)]
    assert remembered(rig) == {"b"}


@BATCHES
async def test_whoever_comes_again_after_an_erasure_is_new(sizes: tuple[int, ...]) -> None:
    rig = Rig(inference("a"), erase_record("a"), inference("a", at=NOON + 1), sizes=sizes)
    assert await rig.decided() == [("a", None), ("a", None)]
    assert remembered(rig) == {"a"}


async def test_whoever_was_never_over_the_threshold_can_be_erased() -> None:
    rig = Rig(inference("a", 0.2), erase_record("a"), erase_record("nobody"))
    assert await rig.decided() == []
    assert (remembered(rig), rig.writer.logs) == (set(), {})
    assert rig.store.markers[0]["offset"] == "2"


async def test_a_copy_of_an_erasure_that_comes_later_erases_nothing_more() -> None:
    rig = Rig(inference("a"), erase_record("a"), inference("a", at=NOON + 1))
    rig.log.append(changed(rig.log[1], offset=3))
    await rig.decided()
    assert remembered(rig) == {"a"}


async def test_where_the_store_comes_back_older_it_is_erased_again() -> None:
    rig = Rig(inference("a"), inference("b"))
    await rig.decided()
    older = deepcopy((rig.store.markers, rig.store.entities))
    first = await rig.decided(erase_record("a"), inference("b", at=NOON + 1))
    held = deepcopy((rig.store.markers, rig.store.entities))
    rig.store.markers, rig.store.entities = older
    assert remembered(rig) == {"a", "b"}
    rig.start()
    assert await rig.decided() == first
    assert (rig.store.markers, rig.store.entities) == held
    assert remembered(rig) == {"b"}


async def test_another_control_record_is_rejected() -> None:
    rig = Rig(lookup_record("index", V1), inference("b"))
    assert await rig.decided() == [("b", None)]
    (rejected,) = rig.writer.effective(Topics.of(USE_CASE).rejected)
    assert header_in(rejected.headers, REASON_HEADER) == b"unknown_control"
