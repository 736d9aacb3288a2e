"""Partitions that are not read for now, notes beside commits, and offsets that are no records."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from pipeline.kafka.admin import Commit
from tests.support.feeding import Make, Positions, numbers, polled, records, until


async def test_a_partition_without_a_position_is_held_while_others_are_read(reading: Make) -> None:
    one = reading(2)
    positions = Positions(shut={0})
    one.append(0, *range(5))
    async with one.member(positions) as feed:
        await until(feed, lambda: feed.owned == [(one.topic, 1)] and feed.held)
        one.append(1, 7)
        batches = await polled(feed, records(1))
        assert (numbers(batches), numbers(batches, 1)) == ([], [7])
        assert feed.held == [(one.topic, 0)]


async def test_a_partition_that_is_held_is_asked_about_again_and_read_on(reading: Make) -> None:
    one = reading(1)
    positions = Positions(shut={0})
    one.append(0, *range(5))
    async with one.member(positions) as feed:
        await until(feed, lambda: feed.held)
        positions.shut.clear()
        assert numbers(await polled(feed, records(5))) == [*range(5)]
        assert feed.held == []
    assert len(positions.asked) == 2


async def test_a_note_is_committed_beside_the_offset(reading: Make) -> None:
    one = reading(1)
    async with one.member(Positions()) as feed:
        await until(feed, lambda: feed.owned)
        await feed.commit_noted({(one.topic, 0): Commit(0, "as it was")})
        assert await feed.committed(one.topic, 0) == Commit(0, "as it was")
        await feed.commit({(one.topic, 0): 0})
        assert await feed.committed(one.topic, 0) == Commit(0)


async def test_the_end_of_a_transaction_is_passed(reading: Make) -> None:
    one = reading(1)
    producer = AIOKafkaProducer(bootstrap_servers=one.cluster.bootstrap, transactional_id=one.group)
    async with one.member(Positions()) as feed, producer:
        for number in range(2):
            async with producer.transaction():
                await producer.send(one.topic, b"%d" % number, partition=0)
            assert numbers(await polled(feed, records(1))) == [number]
            await until(feed, lambda: feed.passed)
            assert feed.passed == {(one.topic, 0): 2 * number + 2}
            assert feed.lags() == {(one.topic, 0): 0}
