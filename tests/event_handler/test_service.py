"""The commit is the position, and moves only after everything is acknowledged."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_handler.positions import Key
from pipeline.errors import Fatal, InfrastructureError
from pipeline.kafka.admin import Commit
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from tests.event_handler.rig import PARTITIONS, TOPICS, Records, Rig, source_log, source_origin
from tests.support.fakes import origin_of
from tests.support.properties import FEW


def logs() -> dict[int, Records]:
    return {partition: source_log(partition) for partition in range(3)}


EXPECTED = sorted(
    source_origin(partition, offset) for partition in range(3) for offset in range(20)
)


async def test_every_record_comes_out_once_on_one_of_two_topics() -> None:
    rig = Rig(logs())
    await rig.run()
    assert rig.origins() == EXPECTED
    assert sum(map(len, rig.writer.logs.values())) == len(EXPECTED)


async def test_one_user_is_in_one_partition_whatever_partition_it_came_from() -> None:
    rig = Rig(logs())
    await rig.run()
    for (topic, partition), records in rig.writer.logs.items():
        if topic == TOPICS.incoming:
            assert {partition_of(one.key or b"", PARTITIONS) for one in records} == {partition}


async def test_each_output_partition_is_in_origin_order() -> None:
    rig = Rig(logs())
    await rig.run()
    for records in rig.writer.logs.values():
        for partition in range(3):
            mine = [o for o in map(origin_of, records) if o.partition == partition]
            assert mine == sorted(mine)


async def test_what_is_acknowledged_is_committed() -> None:
    rig = Rig(logs())
    await rig.run()
    assert rig.offsets() == {0: 20, 1: 20, 2: 20}


async def test_a_failed_write_commits_nothing_and_is_written_again_from_its_first_origin() -> None:
    rig = Rig({0: source_log(0)})
    batches = await rig.feed.poll(rig.stage)
    rig.writer.failures = [2]
    with pytest.raises(InfrastructureError):
        await rig.stage.process(batches)
    assert rig.offsets() == {}
    await rig.stage.process(batches)
    assert rig.offsets() == {0: 3}
    assert rig.writer.deliveries[0] == rig.writer.deliveries[1]


async def test_without_a_commit_the_log_is_read_from_its_beginning() -> None:
    rig = Rig({0: source_log(0)})
    rig.feed.starts = {0: 6}
    (batch,) = await rig.feed.poll(rig.stage)
    assert batch.start == 6


async def test_a_batch_of_an_earlier_reading_is_not_written() -> None:
    rig = Rig({0: source_log(0)})
    batches = await rig.feed.poll(rig.stage)
    rig.feed.rebalance()
    await rig.stage.process(batches)
    assert rig.writer.logs == {}


async def test_what_came_out_is_not_written_again_when_what_follows_fails() -> None:
    rig = Rig({0: source_log(0)})
    batches = await rig.feed.poll(rig.stage)
    await rig.stage.process(batches)
    await rig.stage.process(batches)
    assert len(rig.writer.deliveries) == 1


async def test_it_commits_four_times_a_second_while_records_come() -> None:
    rig = Rig({0: source_log(0)})
    offsets = []
    for _ in range(5):
        await rig.step()
        offsets.append(rig.offsets()[0])
        rig.clock.at += 100_000
    assert offsets == [3, 3, 3, 12, 12]


async def test_once_it_is_quiet_all_is_committed() -> None:
    rig = Rig({0: source_log(0, 6)})
    await rig.step()
    await rig.step()
    assert rig.offsets() == {0: 3}
    await rig.step()
    assert rig.offsets() == {0: 6}


async def test_what_came_out_is_not_written_again_when_its_commit_fails() -> None:
    rig = Rig({0: source_log(0)})
    commit, failures = rig.feed.commit_noted, [InfrastructureError("Kafka is away")]

    async def failing(commits: Mapping[Key, Commit]) -> None:
        if failures:
            raise failures.pop()
        await commit(commits)

    rig.feed.commit_noted = failing  # type: ignore[method-assign] # fails once
    batches = await rig.feed.poll(rig.stage)
    with pytest.raises(InfrastructureError):
        await rig.stage.process(batches)
    await rig.stage.process(batches)
    assert rig.offsets() == {0: 3}
    assert len(rig.writer.deliveries) == 1


async def test_what_came_out_is_committed_at_the_end() -> None:
    rig = Rig({0: source_log(0)})
    await rig.step()
    await rig.step()
    await rig.stage.close()
    assert rig.offsets() == {0: 6}


async def test_the_end_of_a_transaction_is_committed_though_it_is_no_record() -> None:
    rig = Rig({0: source_log(0, 3)})
    await rig.run()
    rig.feed.passed = {(TOPICS.generated, 0): 4}
    await rig.step()
    assert rig.offsets() == {0: 4}


@pytest.mark.parametrize("point", ["before-outputs", "after-outputs"])
@pytest.mark.parametrize("passage", [1, 3])
async def test_a_crash_at_any_point_loses_and_doubles_nothing(point: str, passage: int) -> None:
    first = Rig(logs(), faults=f"{point}=raise:{passage}")
    with pytest.raises(Fatal):
        await first.run()
    second = first.restarted()
    await second.run()
    assert second.origins() == EXPECTED


@FEW
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 20)), max_size=5))
async def test_commits_that_are_lost_lose_and_double_nothing(
    crashes: list[tuple[int, int]],
) -> None:
    """Each process dies after some polls; the next begins at an older commit."""
    rig = Rig(logs())
    for polls, back in crashes:
        for _ in range(polls):
            await rig.step()
        older = {
            place: Commit(max(one.offset - back, 0)) for place, one in rig.feed.commits.items()
        }
        rig = rig.restarted(older)
    await rig.run()
    assert rig.origins() == EXPECTED


async def test_a_rejected_record_carries_its_bytes() -> None:
    rig = Rig({0: source_log(0, 5)})
    await rig.run()
    (rejected,) = rig.writer.effective(TOPICS.rejected)
    assert isinstance(rejected, OutRecord)
    assert rejected.value == b"not json"
