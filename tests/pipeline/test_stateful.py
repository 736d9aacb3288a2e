"""Redis equals the fold up to the marker: the order in a batch, cutting, crashes and refusals.

Each test runs on the fake store, on one Redis, and on a cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from pipeline.control import lookup_record
from pipeline.errors import Fatal, InfrastructureError, Refusal
from pipeline.faults import FaultPoints
from pipeline.origin import header_in
from pipeline.ports import Applied
from pipeline.records import Deliveries, OutRecord
from tests.support.events import (
    INCOMING_ID,
    SECOND,
    UNKNOWN,
    bet,
    caused_by,
    changed,
    log_of,
    purchase,
)
from tests.support.fakes import FakeWriter, process
from tests.support.folding import CHECK, a_log, assert_is_fold, marker_of
from tests.support.stages import (
    INDEX,
    TOPICS,
    Rig,
    straight_fold,
)
from tests.support.stores import LosesAnswers, Server
from use_cases.first_day_churn import USE_CASE


async def test_redis_equals_the_fold_of_the_log(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    await rig.run()
    await assert_is_fold(server, rig.writer, rig.logs[0])


async def test_the_marker_says_what_was_applied(server: Server) -> None:
    log = a_log(10)
    rig = Rig({0: log}, server.store)
    await rig.run()
    marker = await marker_of(server)
    assert (marker.topic_id, marker.fingerprint) == (INCOMING_ID, USE_CASE.fingerprint)
    assert (marker.offset, marker.highest.places) == (9, {("sourcesourcesourcesour", 0): (0, 9, 0)})


async def test_it_is_told_of_each_move_of_a_marker(server: Server) -> None:
    rig, moves = Rig({0: a_log(10)}, server.store, size=5), list[int]()
    rig.stage.moved = lambda: moves.append(1)
    await rig.run()
    assert len(moves) == 2


async def test_a_new_process_goes_on_after_the_marker(server: Server) -> None:
    log = a_log()
    first = Rig({0: log[:10]}, server.store)
    await first.run()
    second = replace(first.restarted(), logs={0: log})
    await second.run()
    await assert_is_fold(server, second.writer, log)
    assert len(second.writer.logs) == 1
    assert sum(map(len, second.writer.logs.values())) == len(straight_fold(log).scored)


async def test_a_new_process_keeps_the_generation(server: Server) -> None:
    log = a_log()
    first = Rig({0: log[:10]}, server.store)
    await first.run()
    generation = (await marker_of(server)).generation
    await replace(first.restarted(), logs={0: log}).run()
    assert (await marker_of(server)).generation == generation


async def test_partitions_are_independent(server: Server) -> None:
    logs = {0: a_log(), 3: [replace_partition(record, 3) for record in a_log(15)]}
    rig = Rig(logs, server.store)
    await rig.run()
    assert [(await marker_of(server, partition)).offset for partition in (0, 3)] == [23, 14]
    found = await server.entities()
    assert {partition for partition, _, _ in found} == {0, 3}


def replace_partition(record: Any, partition: int) -> Any:
    return changed(record, partition=partition)


@pytest.mark.parametrize("left", [0, 1, 2, 3])
async def test_the_marker_moves_only_after_the_acknowledgements(server: Server, left: int) -> None:
    log = a_log(18, users=3)
    rig = Rig({0: log[:12]}, server.store, size=3)
    await rig.run()
    before, marker = await server.entities(), await marker_of(server)
    rig.feed.logs = {0: log}
    batches = await rig.feed.poll(rig.stage)
    rig.writer.failures = [left]
    with pytest.raises(InfrastructureError):
        await rig.stage.process(batches)
    assert (await server.entities(), await marker_of(server)) == (before, marker)
    await rig.run()
    await assert_is_fold(server, rig.writer, log)


async def test_what_failed_is_written_again_identically(server: Server) -> None:
    log = a_log(users=3)
    rig = Rig({0: log}, server.store, size=12)
    rig.writer.failures = [1, 0, 2]
    await rig.run()
    await assert_is_fold(server, rig.writer, log)
    first, *others = [one for one in rig.writer.deliveries if one]
    assert others[:3] == [first] * 3


async def test_outputs_come_before_the_state(server: Server) -> None:
    seen: list[int | None] = []

    class Watching(FakeWriter):
        async def deliver(self, deliveries: Deliveries) -> None:
            marker = await server.store.marker(0)
            seen.append(None if marker is None else marker.offset)
            await super().deliver(deliveries)

    rig = Rig({0: a_log(9)}, server.store, Watching())
    await rig.run()
    assert seen == [None, 2, 5]


async def test_a_core_in_a_thread_leaves_the_loop_to_others(server: Server) -> None:
    rig, loop, others = Rig({0: a_log(3)}, server.store), asyncio.get_running_loop(), Event()
    apply = rig.stage.core.apply

    def slow(*arguments: Any) -> Applied:
        loop.call_soon_threadsafe(others.set)
        assert others.wait(10)
        return apply(*arguments)

    rig.stage.core.apply = slow  # type: ignore[assignment, method-assign] # the core is as slow as can be
    rig.stage.computing = asyncio.to_thread
    await rig.run()
    await assert_is_fold(server, rig.writer, rig.logs[0])


# Cutting


async def test_a_batch_of_many_entities_is_written_in_parts_of_1000(server: Server) -> None:
    log = a_log(1150, users=1100)
    store = LosesAnswers(server.store)
    rig = Rig({0: log}, store, size=5000, cached=5000)
    await rig.run()
    assert store.entities_written == [1000, 150]
    await assert_is_fold(server, rig.writer, log)


async def test_a_failure_in_a_later_part_leaves_the_earlier_ones_applied(server: Server) -> None:
    log = a_log(1150, users=1100)
    rig = Rig({0: log}, server.store, size=5000, cached=5000)
    batches = await rig.feed.poll(rig.stage)
    rig.writer.failures = [0, 0]
    with pytest.raises(InfrastructureError):
        await rig.stage.process(batches)
    assert (await marker_of(server)).offset == 999
    await process(rig.stage, batches)
    await assert_is_fold(server, rig.writer, log)


# Replays, gaps and stale batches


async def test_a_replay_is_dropped_and_the_marker_moves_on(server: Server) -> None:
    log = a_log(9, users=3)
    again = [changed(record, offset=9 + n) for n, record in enumerate(log[3:])]
    rig = Rig({0: log + again}, server.store)
    await rig.run()
    once = straight_fold(log)
    found = await server.entities()
    assert {entity: values for (_, _, entity), values in found.items()} == once.entities
    assert (await marker_of(server)).offset == 14
    assert sum(map(len, rig.writer.logs.values())) == len(once.scored)


async def test_a_batch_that_begins_after_a_gap_is_read_again(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    first = await rig.feed.poll(rig.stage)
    second = await rig.feed.poll(rig.stage)
    await rig.stage.process(second)
    assert await server.store.marker(0) is None
    assert not rig.feed.is_current(first[0])
    await rig.run()
    await assert_is_fold(server, rig.writer, rig.logs[0])


async def test_a_batch_of_an_earlier_reading_changes_nothing(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    batches = await rig.feed.poll(rig.stage)
    await rig.stage.process([])
    rig.feed.rebalance()
    await rig.stage.process(batches)
    assert await server.store.marker(0) is None


async def test_a_batch_that_overlaps_the_marker_counts_once(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    batches = await rig.feed.poll(rig.stage)
    await rig.stage.process(batches)
    await rig.stage.process(batches)
    await rig.run()
    await assert_is_fold(server, rig.writer, rig.logs[0])


async def test_no_two_readings_of_a_partition_overlap(server: Server) -> None:
    held, let_go = asyncio.Event(), asyncio.Event()

    class Slow(FakeWriter):
        async def deliver(self, deliveries: Deliveries) -> None:
            held.set()
            await let_go.wait()
            await super().deliver(deliveries)

    log = a_log()
    rig = Rig({0: log}, server.store, Slow())
    working = asyncio.create_task(rig.stage.process(await rig.feed.poll(rig.stage)))
    await held.wait()
    rig.feed.rebalance()
    polling = asyncio.create_task(rig.feed.poll(rig.stage))
    done, _ = await asyncio.wait([polling], timeout=0.05)
    assert not done
    let_go.set()
    await working
    (batch,) = await polling
    assert batch.start == 3
    await rig.stage.process([batch])
    await rig.run()
    await assert_is_fold(server, rig.writer, log)


# Crashes


@pytest.mark.parametrize("point", ["before-outputs", "after-outputs", "after-write"])
@pytest.mark.parametrize("passage", [1, 2, 5])
async def test_a_crash_at_any_point_loses_nothing(server: Server, point: str, passage: int) -> None:
    log = a_log()
    faults = FaultPoints.parse(f"{point}=raise:{passage}")
    first = Rig({0: log}, server.store, faults=faults)
    with pytest.raises(Fatal, match=point):
        await first.run()
    second = first.restarted()
    await second.run()
    await assert_is_fold(server, second.writer, log)


# Refusals


async def test_without_a_marker_a_log_that_lost_its_beginning_is_refused(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    rig.feed.starts = {0: 3}
    with pytest.raises(Refusal, match=r"no marker.*no longer holds its first 3.*pipeline rebuild"):
        await rig.run()


async def test_with_a_marker_a_log_may_lose_its_beginning(server: Server) -> None:
    log = a_log()
    first = Rig({0: log[:10]}, server.store)
    await first.run()
    second = replace(first.restarted(), logs={0: log})
    second.feed.starts = {0: 3}
    await second.run()
    await assert_is_fold(server, second.writer, log)


async def test_a_topic_that_was_made_again_is_refused(server: Server) -> None:
    first = Rig({0: a_log()}, server.store)
    await first.run()
    second = first.restarted()
    second.feed.topic_id = "anotheranotheranothera"
    with pytest.raises(Refusal, match=r"another topic incoming-events.*rebuild --new-epoch"):
        await second.run()


async def test_another_declaration_is_refused(server: Server) -> None:
    first = Rig({0: a_log()}, server.store)
    await first.run()
    second = first.restarted()
    second.stage.fingerprint = "0123456789abcdef"
    with pytest.raises(Refusal, match=r"another declaration.*0123456789abcdef.*rebuild"):
        await second.run()


# Hints


async def test_the_commit_is_a_hint_at_most_once_a_second(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    await rig.stage.process(await rig.feed.poll(rig.stage))
    hinted = dict(rig.feed.committed_offsets)
    await rig.stage.process(await rig.feed.poll(rig.stage))
    assert rig.feed.committed_offsets == hinted
    rig.clock.at += CHECK
    await rig.stage.process(await rig.feed.poll(rig.stage))
    assert rig.feed.committed_offsets == {("incoming-events", 0): 9}


async def test_a_hint_that_fails_stops_nothing(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)

    async def fail(offsets: Mapping[tuple[str, int], int]) -> None:
        raise InfrastructureError(f"no coordinator for {offsets}")

    rig.feed.commit = fail  # type: ignore[method-assign] # the group is away
    await rig.run()
    await assert_is_fold(server, rig.writer, rig.logs[0])


async def test_records_that_cannot_be_used_are_rejected_and_passed(server: Server) -> None:
    bad = OutRecord(b"k", b"not json", tuple(caused_by(1)))
    log = log_of([purchase(1), bad, bet(2)])
    rig = Rig({0: log}, server.store)
    await rig.run()
    assert [one.value for one in rig.writer.effective(TOPICS.rejected)] == [b"not json"]
    await assert_is_fold(server, rig.writer, log)


async def test_a_partition_that_waits_for_a_table_holds_up_no_other(server: Server) -> None:
    logs = {0: [*log_of([purchase(1), lookup_record(INDEX, UNKNOWN), bet(1)])], 1: a_log(10, 1)}
    rig, waiting = Rig(logs, server.store), list[int]()
    rig.stage.held = waiting.append
    for _ in range(8):
        await process(rig.stage, await rig.feed.poll(rig.stage))
    other = await server.store.marker(1)
    assert other is not None
    assert (other.offset, await server.store.marker(0)) == (9, None)
    assert waiting[-1] == 1


async def test_a_partition_goes_on_once_its_table_never_comes(server: Server) -> None:
    late = True
    rig = Rig(
        {0: [*log_of([purchase(1), lookup_record(INDEX, UNKNOWN), bet(1)])]},
        server.store,
        can_come=lambda *_: late,
    )
    waiting = list[int]()
    rig.stage.held = waiting.append
    for _ in range(3):
        await process(rig.stage, await rig.feed.poll(rig.stage))
    late = False
    rig.clock.at += 2 * SECOND
    await rig.run()
    assert ((await marker_of(server)).offset, waiting[-1]) == (2, 0)
    (rejected,) = rig.writer.effective(TOPICS.rejected)
    assert header_in(rejected.headers, "reason") == b"unknown_table"
