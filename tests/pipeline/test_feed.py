"""Reading the real Kafka behind the gate: never from anywhere but where the stage says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import pytest
from aiokafka.errors import CommitFailedError, KafkaError

from embedded.ports import free_port
from pipeline.errors import InfrastructureError, Refusal
from pipeline.kafka.admin import Commit
from pipeline.kafka.feed import Batch, Feed, Member
from pipeline.kafka.positions import Log
from pipeline.records import OutRecord
from pipeline.settings import KafkaSettings
from tests.support.feeding import (
    SECONDS,
    Make,
    Positions,
    numbers,
    polled,
    records,
    until,
)


async def test_everything_is_read_from_where_the_stage_says(reading: Make) -> None:
    one = reading(2)
    one.append(0, *range(10))
    one.append(1, *range(100, 105))
    async with one.member(Positions({0: 4, 1: 0})) as feed:
        batches = await polled(feed, records(11))
    assert numbers(batches) == [*range(4, 10)]
    assert numbers(batches, 1) == [*range(100, 105)]
    assert {(batch.partition, batch.start) for batch in batches} >= {(0, 4), (1, 0)}


async def test_a_stage_is_told_what_the_broker_has(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(10))
    one.cluster.delete_records(one.topic, 0, before=3)
    positions = Positions()
    async with one.member(positions) as feed:
        batches = await polled(feed, records(7))
    assert positions.asked == [Log(one.topic, one.topic_id, 0, 3, 10)]
    assert numbers(batches) == [*range(3, 10)]
    assert {batch.topic_id for batch in batches} == {one.topic_id}


async def test_batches_follow_each_other_without_a_gap(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(50))
    async with one.member(Positions(), max_records=7) as feed:
        batches = await polled(feed, records(50))
    assert numbers(batches) == [*range(50)]
    assert all(len(batch.records) <= 7 for batch in batches)
    assert [batch.start for batch in batches[1:]] == [batch.next_offset for batch in batches[:-1]]


async def test_nothing_is_delivered_before_the_position_is_answered(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(5))
    positions = Positions({0: 3})
    positions.gate.clear()
    async with one.member(positions) as feed:
        found: list[Batch] = []

        async def poll() -> None:
            found.extend(await polled(feed, records(2)))

        polling = asyncio.create_task(poll())
        await eventually(lambda: positions.asked)
        await asyncio.wait([polling], timeout=0.5)
        assert not found
        positions.gate.set()
        await asyncio.wait_for(polling, SECONDS)
    assert numbers(found) == [3, 4]


async def eventually(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not fact():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.01)


async def test_the_committed_offset_does_not_matter(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(10))
    async with one.member(Positions()) as feed:
        await polled(feed, records(10))
        await feed.commit({(one.topic, 0): 8})
        assert await feed.committed(one.topic, 0) == Commit(8)
    async with one.member(Positions({0: 2})) as feed:
        batches = await polled(feed, records(8))
    assert numbers(batches) == [*range(2, 10)]


async def test_an_outage_while_positioning_is_asked_about_again(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(3))
    positions = Positions(raising=[InfrastructureError("x"), InfrastructureError("y")])
    async with one.member(positions) as feed:
        batches = await polled(feed, records(3))
    assert len(positions.asked) == 3
    assert numbers(batches) == [0, 1, 2]


async def test_a_refusal_while_positioning_comes_out(reading: Make) -> None:
    one = reading(1)
    async with one.member(Positions(raising=[Refusal("no", "Do it")])) as feed:
        with pytest.raises(Refusal, match=r"no. Do it"):
            await until(feed, lambda: False)


@pytest.mark.parametrize("position", [2, 11])
async def test_a_position_outside_the_log_is_refused(reading: Make, position: int) -> None:
    one = reading(1)
    one.append(0, *range(10))
    one.cluster.delete_records(one.topic, 0, before=3)
    async with one.member(Positions({0: position})) as feed:
        with pytest.raises(Refusal, match=f"offsets 3 to 10, but {position} .* --reset-offsets"):
            await until(feed, lambda: False)


async def test_the_end_of_the_log_is_a_position(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(3))
    async with one.member(Positions({0: 3})) as feed:
        await until(feed, lambda: feed.owned)
        one.append(0, 3)
        assert numbers(await polled(feed, records(1))) == [3]


async def test_records_that_are_lost_before_they_are_read_are_a_refusal(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(10))
    positions = Positions({0: 2})
    positions.before_answer = lambda: one.cluster.delete_records(one.topic, 0, before=5)
    async with one.member(positions) as feed:
        with pytest.raises(Refusal, match=r"holds offsets 5 to 10, but 2 is the next to apply"):
            await until(feed, lambda: False)


async def test_after_a_reposition_the_stage_is_asked_again(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(10))
    positions = Positions()
    async with one.member(positions) as feed:
        before = await polled(feed, records(10))
        assert all(feed.is_current(batch) for batch in before)
        positions.answers[0] = 6
        feed.reposition(one.topic, 0)
        assert not any(feed.is_current(batch) for batch in before)
        after = await polled(feed, records(4))
    assert numbers(after) == [6, 7, 8, 9]
    assert after[0].start == 6
    assert after[0].reading != before[0].reading


async def test_a_reposition_may_wait_until_the_group_confirms_us(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(10))
    positions = Positions()
    async with one.member(positions) as feed:
        (*_, last) = await polled(feed, records(10))
        positions.answers[0] = 8
        feed.reposition_once_confirmed(one.topic, 0)
        assert (feed.is_current(last), feed.owned) == (False, [])
        assert numbers(await polled(feed, records(2))) == [8, 9]


async def test_who_is_not_confirmed_is_not_asked_and_not_fed(
    reading: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = reading(1)
    one.append(0, *range(10))
    positions = Positions()
    async with one.member(positions) as feed:
        await polled(feed, records(10))
        refusals = [CommitFailedError(), KafkaError("the coordinator is away")]
        commit = feed._consumer.commit

        async def refusing(offsets: object) -> None:
            if refusals:
                raise refusals.pop()
            await commit(offsets)

        monkeypatch.setattr(feed._consumer, "commit", refusing)
        feed.reposition_once_confirmed(one.topic, 0)
        assert [await feed.poll(), await feed.poll()] == [[], []]
        assert (len(positions.asked), refusals) == (1, [])
        assert numbers(await polled(feed, records(10))) == [*range(10)]


async def test_two_members_share_the_partitions_and_each_reads_its_own(reading: Make) -> None:
    one = reading(4)
    for partition in range(4):
        one.append(partition, partition)
    positions = Positions()
    async with one.member(positions, "a") as first:
        before = await polled(first, records(4))
        async with one.member(Positions(), "b") as second:
            late: list[Batch] = []
            await together(
                until(first, lambda: len(first.owned) == 2),
                collect(second, late, lambda: len(second.owned) == 2 and len(late) == 2),
            )
            assert sorted(first.owned + second.owned) == [(one.topic, n) for n in range(4)]
            assert not any(first.is_current(batch) for batch in before)
            assert {(batch.topic, batch.partition) for batch in late} == {*second.owned}
            for partition in range(4):
                one.append(partition, 10 + partition)
            found: list[Batch] = []
            await together(
                collect(first, found, lambda: fresh(found) >= 2),
                collect(second, late, lambda: fresh(late) >= 2),
            )
            assert {(batch.topic, batch.partition) for batch in found} == {*first.owned}
            assert {(batch.topic, batch.partition) for batch in late} == {*second.owned}


def fresh(batches: Sequence[Batch]) -> int:
    """How many records of the second round are there."""
    return sum(int(record.value or b"") >= 10 for batch in batches for record in batch.records)


async def collect(feed: Feed, into: list[Batch], enough: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not enough():
            into += await feed.poll()


async def together(*work: Awaitable[None]) -> None:
    await asyncio.gather(*work)


async def test_a_commit_is_only_for_what_is_being_read(reading: Make) -> None:
    one = reading(2)
    one.append(0, *range(5))
    async with one.member(Positions()) as feed:
        await polled(feed, records(5))
        feed.reposition(one.topic, 1)
        await feed.commit({(one.topic, 0): 5, (one.topic, 1): 0})
        assert await feed.committed(one.topic, 0) == Commit(5)
        assert await feed.committed(one.topic, 1) is None


async def test_the_lag_is_what_is_not_read_yet(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(10))
    async with one.member(Positions(), max_records=4) as feed:
        await polled(feed, records(4))
        assert feed.lags() == {(one.topic, 0): 6}


async def test_null_keys_and_values_are_read_as_such(reading: Make) -> None:
    one = reading(1)
    one.cluster.append(one.topic, 0, [OutRecord(b"k", None), OutRecord(None, b"")])
    async with one.member(Positions()) as feed:
        batches = await polled(feed, records(2))
    found = [(record.key, record.value) for batch in batches for record in batch.records]
    assert found == [(b"k", None), (None, b"")]


async def test_without_a_broker_starting_is_an_outage() -> None:
    feed = Feed(
        KafkaSettings(f"127.0.0.1:{free_port()}"),
        member=Member(["t"], "g", "a"),
        positions=Positions(),
        max_records=1,
    )
    with pytest.raises(InfrastructureError, match="no consumer"):
        await feed.start()


@pytest.mark.slow
async def test_a_member_that_is_stuck_stays_in_the_group_and_loses_nothing(reading: Make) -> None:
    one = reading(1)
    one.append(0, *range(20))
    positions = Positions()
    async with one.member(positions, max_records=5) as feed:
        await feed.stop()
        feed._options["max_poll_interval_ms"] = 7_000
        await feed.start()
        first = await polled(feed, records(5))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 12)  # a batch that takes that long
        assert all(feed.is_current(batch) for batch in first)
        rest = await polled(feed, records(15))
    assert numbers(first) + numbers(rest) == [*range(20)]
    assert len(positions.asked) == 1
