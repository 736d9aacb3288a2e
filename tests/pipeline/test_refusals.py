"""A marker that the log does not go on from is refused, with the command that mends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.conflicts import refuse_another_log, refuse_lost
from pipeline.errors import Refusal
from pipeline.kafka.positions import Log
from pipeline.marker import Marker
from tests.support.events import log_of, purchase
from tests.support.fakes import FakeStore
from tests.support.stages import Rig

MARKER = replace(Marker.first("id", "g1", "f1", partitions=4), offset=9)
PLACE = Log("incoming-events", "id", 0, 0, 20)


@pytest.mark.parametrize(("start", "end"), [(0, 20), (10, 20), (0, 10)])
def test_a_log_that_goes_on_at_the_marker_is_taken(start: int, end: int) -> None:
    refuse_lost(MARKER, PLACE._replace(start=start, end=end))


def test_a_log_that_begins_above_the_marker_is_rebuilt() -> None:
    with pytest.raises(Refusal, match=r"but 10 is the next to apply. Run `pipeline rebuild`$"):
        refuse_lost(MARKER, PLACE._replace(start=11))


def test_a_log_that_ends_below_the_marker_needs_a_new_epoch() -> None:
    with pytest.raises(Refusal, match=r"offsets 0 to 9, but 10 .*`pipeline rebuild --new-epoch`"):
        refuse_lost(MARKER, PLACE._replace(end=9))


def test_another_number_of_partitions_needs_a_new_epoch() -> None:
    with pytest.raises(Refusal, match=r"made with 4 partitions, now there are 8.*--new-epoch"):
        refuse_another_log(MARKER, PLACE, "f1", partitions=8)


@pytest.mark.parametrize(("before", "now"), [(4, 4), (0, 8), (4, 0)])
def test_the_same_number_or_one_that_nobody_knows_is_taken(before: int, now: int) -> None:
    refuse_another_log(replace(MARKER, partitions=before), PLACE, "f1", now)


async def test_a_stage_notes_its_number_and_refuses_another_one() -> None:
    store = FakeStore()
    rig = Rig({0: log_of([purchase(1)])}, store)
    rig.stage.partitions = 4
    await rig.run()
    other = rig.restarted()
    other.stage.partitions = 8
    with pytest.raises(Refusal, match="made with 4 partitions"):
        await other.run()


async def test_a_stage_refuses_a_log_that_lost_what_it_has_not_applied() -> None:
    store = FakeStore()
    log = log_of([purchase(n) for n in range(9)])
    await Rig({0: log[:3]}, store).run()
    rig = Rig({0: log}, store)
    rig.feed.starts = {0: 5}
    with pytest.raises(Refusal, match="`pipeline rebuild`"):
        await rig.run()
