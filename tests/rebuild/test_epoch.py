"""New epochs, one after the other: the state is that of the whole history, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Fatal, Refusal
from pipeline.faults import FaultPoints
from pipeline.parquet.files import noted_count, position_of
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from rebuild.boundary import Cause
from tests.inference_logger.rig import rows_of
from tests.rebuild.life import Life, markers_in
from tests.rebuild.rig import Ledger, refused
from tests.support.events import (
    SOURCE_ID,
)
from tests.support.stages import TOPICS


@pytest.fixture
async def life(tmp_path: Path) -> Life:
    """Two partitions and some events, all of which have had all their effects."""
    found = Life(Ledger(tmp_path, partitions=2))
    found.live_on(1)
    await found.work()
    return found


def repartition(numerator: int, denominator: int = 1) -> Callable[[Life], None]:
    return lambda life: life.grow(life.ledger.partitions * numerator // denominator)


def make_again(*topics: str, partitions: int | None = None) -> Callable[[Life], None]:
    def change(life: Life) -> None:
        life.ledger.partitions = partitions or life.ledger.partitions
        for topic in topics:
            life.make(topic, f"{life.ledger.ids[topic][:20]}{len(life.history):02}"[:22])

    return change


CHANGES = {
    "twice as many partitions": repartition(2),
    "half as many more partitions": repartition(3, 2),
    "all made again": make_again(*TOPICS.ours),
    "all made again with more partitions": make_again(*TOPICS.ours, partitions=5),
    "all made again with one partition": make_again(*TOPICS.ours, partitions=1),
    "incoming made again": make_again(TOPICS.incoming),
    "requests made again": make_again(TOPICS.features),
    "inferences made again": make_again(TOPICS.inferences),
    "rejected made again": make_again(TOPICS.rejected),
}


def few(*chosen: str) -> list[Any]:
    """All changes; those that are not chosen are tried by `make test-all`."""
    return [pytest.param(one, marks=[] if one in chosen else pytest.mark.slow) for one in CHANGES]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_state_is_that_of_the_whole_history(life: Life, change: str) -> None:
    CHANGES[change](life)
    life.begin()
    life.rebuild()
    life.assert_whole()
    life.live_on(2)
    await life.work()
    life.assert_whole()


@pytest.mark.parametrize(
    "second", few("all made again with more partitions", "incoming made again")
)
async def test_epoch_follows_epoch(life: Life, second: str) -> None:
    for change, seed in ((repartition(2), 2), (CHANGES[second], 3)):
        change(life)
        life.begin()
        life.rebuild()
        life.live_on(seed)
        await life.work()
    life.rebuild()
    await life.work()
    life.assert_whole()


@pytest.mark.parametrize("change", few("twice as many partitions", "all made again"))
async def test_what_the_handler_writes_once_more_has_no_effect(life: Life, change: str) -> None:
    """It ended after its last outputs, and before it committed."""
    CHANGES[change](life)
    life.begin()
    life.rebuild()
    for again in life.history[-20:-1]:
        number = partition_of(again.key or b"", life.ledger.partitions)
        life.kafka.append(TOPICS.incoming, number, again)
    await life.work()
    life.assert_whole()
    replayed = [row["replayed"] for row in rows_of(life.ledger.root, TOPICS.incoming)]
    assert replayed.count(True) >= 19


@pytest.mark.parametrize("change", CHANGES)
async def test_a_worker_that_loses_its_marker_afterwards_refuses(life: Life, change: str) -> None:
    """The log begins above 0, so that nobody takes it for the whole history."""
    CHANGES[change](life)
    causes = life.planned().causes
    life.begin()
    for topic in {TOPICS.incoming, TOPICS.features} & causes.keys():
        assert min(life.kafka.starts(topic).values()) > 0


@pytest.mark.parametrize("change", ["twice as many partitions", "incoming made again"])
async def test_lookups_stay_in_force(life: Life, change: str) -> None:
    CHANGES[change](life)
    life.begin()
    life.rebuild()
    life.live_on(2, load=False)
    await life.work()
    life.assert_whole()
    life.rebuild()
    life.assert_whole()


async def test_what_was_not_read_before_the_topic_was_made_again_stays(life: Life) -> None:
    """The handler went on writing to the new topic before anybody looked."""
    make_again(TOPICS.incoming)(life)
    life.live_on(2)
    life.begin()
    life.rebuild()
    await life.work()
    life.assert_whole()


async def test_a_log_that_lost_its_end_goes_on_behind_it(life: Life) -> None:
    """Its writer wrote some of it again, and then more."""
    log = life.kafka.logs[TOPICS.incoming][0]
    lost = [OutRecord(one.key, one.value, tuple(one.headers)) for one in log[-10:]]
    del log[-10:]
    life.ledger.holds(TOPICS.incoming, {0: log})
    for record in lost[5:]:
        life.kafka.append(TOPICS.incoming, 0, record)
    assert life.planned().causes == {TOPICS.incoming: Cause.APART}
    life.begin()
    life.rebuild()
    life.live_on(2)
    await life.work()
    life.assert_whole()


async def test_a_log_that_was_deleted_before_it_was_logged_goes_on_without_it(life: Life) -> None:
    logged = life.kafka.ends(TOPICS.incoming)
    life.live_on(2, load=False)
    await life.fold()
    lost = []
    for number, end in life.kafka.ends(TOPICS.incoming).items():
        life.kafka.cut(TOPICS.incoming, {number: end - 5})
        lost += life.kafka.logs[TOPICS.incoming][number][logged[number] : end - 5]
    planned = life.planned()
    assert planned.causes == {TOPICS.incoming: Cause.APART}
    assert "were deleted before they were logged" in planned.losses[0]
    life.begin()
    life.rebuild()
    await life.work()
    for one in lost:
        life.history.remove(OutRecord(one.key, one.value, tuple(one.headers)))
    assert life.features_held() == life.expected().entities


async def test_inferences_that_lost_their_end_are_logged_behind_it(life: Life) -> None:
    log = life.kafka.logs[TOPICS.inferences][0]
    lost = [OutRecord(one.key, one.value, tuple(one.headers)) for one in log[-3:]]
    del log[-3:]
    life.ledger.holds(TOPICS.inferences, {0: log})
    life.begin()
    life.live_on(2)
    await life.work()
    for record in lost:
        life.kafka.append(TOPICS.inferences, 0, record)
    life.rebuild()
    await life.work()
    life.assert_whole()


STEPS = ("planned", "cut", "noted", "archived", "archived=raise:2")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("change", ["half as many more partitions", "all made again"])
async def test_who_dies_beginning_an_epoch_finishes_it_next_time(
    life: Life, change: str, step: str
) -> None:
    CHANGES[change](life)
    with pytest.raises(Fatal, match="fault point"):
        life.begin(FaultPoints.parse(f"epoch-{step}" + ("" if "=" in step else "=raise")))
    live = markers_in(life.features)[0]
    assert "its beginning not finished" in refused(life.ledger, live)
    life.begin()
    life.rebuild()
    life.live_on(2)
    await life.work()
    life.assert_whole()


async def test_the_next_epoch_knows_how_many_partitions_there_are(life: Life) -> None:
    repartition(2)(life)
    life.begin()
    assert {noted_count(life.ledger.root / topic) for topic in TOPICS.logged} == {4}


async def test_positions_have_the_origins_of_what_belongs_to_their_partitions(life: Life) -> None:
    repartition(2)(life)
    life.begin()
    life.rebuild()
    found = set()
    for number in range(4):
        position = position_of(life.ledger.root / TOPICS.incoming, number)
        marker = markers_in(life.features)[number]
        assert position is not None
        assert position.next_offset == marker.offset + 1
        source = (SOURCE_ID, 0)
        assert position.origins[""].places.get(source) == marker.highest.places.get(source)
        found.add(marker.highest.places.get(source))
    assert len(found) > 2


async def test_without_a_change_no_epoch_begins(life: Life) -> None:
    assert life.planner.plan(life.survey()) is None


async def test_after_an_epoch_has_begun_none_is_needed(life: Life) -> None:
    make_again(*TOPICS.ours)(life)
    life.begin()
    assert life.planner.plan(life.survey()) is None


async def test_what_kafka_holds_and_parquet_does_not_is_refused(life: Life) -> None:
    life.live_on(2)
    repartition(2)(life)
    with pytest.raises(Refusal, match=r"not in Parquet yet. Start inference_logger"):
        life.planned()


async def test_partitions_that_mix_are_refused_while_the_handler_is_half_done(life: Life) -> None:
    repartition(3, 2)(life)
    with pytest.raises(Refusal, match="a multiple of 2 partitions"):
        life.planner.plan(life.survey(committed=50))


async def test_partitions_that_do_not_mix_may_have_a_handler_that_is_half_done(life: Life) -> None:
    repartition(2)(life)
    assert life.planner.plan(life.survey(committed=50)) is not None


async def test_what_will_have_no_score_is_said(life: Life) -> None:
    life.live_on(2)
    await life.log()
    repartition(2)(life)
    first, second, *others = life.planned().losses
    assert "records of incoming-events, partition 0, were read by no worker" in first
    assert "records of incoming-events, partition 1, were read by no worker" in second
    assert others == []


async def test_requests_that_will_have_no_score_are_said(life: Life) -> None:
    life.live_on(2)
    await life.fold()
    await life.log()
    repartition(2)(life)
    assert all(
        "serving-features" in one and "never will be" in one for one in life.planned().losses
    )
    assert len(life.planned().losses) == 2
