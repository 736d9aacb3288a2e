"""What a feed fetches of the real Kafka, and when."""

from __future__ import annotations

import asyncio

from pipeline.kafka.feed import Feed
from pipeline.kafka.fetching import IN_BULK
from pipeline.records import InRecord, OutRecord
from tests.support.feeding import Make, Positions, numbers, polled, records

LONG = {"fetch_min_bytes": 1, "fetch_max_wait_ms": 20_000}


async def buffered(feed: Feed) -> None:
    """Return once records wait to be taken, and whatever follows from that has begun."""
    async with asyncio.timeout(10):
        while not feed._consumer._fetcher._records:  # noqa: ASYNC110 - aiokafka tells nobody
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


async def test_a_partition_whose_records_are_taken_does_not_wait_for_silent_ones(
    reading: Make,
) -> None:
    one = reading(3)
    async with one.member(Positions(), fetching=LONG) as feed:
        one.append(0, 1)
        await polled(feed, records(1))
        one.append(0, 2)
        await buffered(feed)
        one.append(0, 3)
        async with asyncio.timeout(5):
            assert numbers(await polled(feed, records(2))) == [2, 3]


async def test_a_partition_that_nobody_reads_holds_up_no_other(reading: Make) -> None:
    one = reading(2)
    one.append(0, *range(5))
    one.append(1, *range(5))
    async with one.member(Positions(shut={0}), fetching=LONG) as feed:
        await polled(feed, records(5))
        one.append(1, 5)
        async with asyncio.timeout(5):
            assert numbers(await polled(feed, records(1)), 1) == [5]


async def test_in_bulk_the_broker_gathers_what_comes_one_by_one(reading: Make) -> None:
    one = reading(1)
    async with one.member(Positions(), fetching=IN_BULK) as feed:
        one.append(0, 0)
        await polled(feed, records(1))
        for number in range(1, 5):
            one.append(0, number)
        batches = await polled(feed, records(4))
    assert len(batches) <= 2


async def test_records_come_as_ours_with_all_that_is_read_of_them(reading: Make) -> None:
    one = reading(1)
    one.cluster.append(one.topic, 0, [OutRecord(b"k", b"v", (("h", b"1"),))])
    async with one.member(Positions()) as feed:
        ((record,),) = [batch.records for batch in await polled(feed, records(1))]
    assert record == InRecord(one.topic, 0, 0, record.timestamp, b"k", b"v", (("h", b"1"),))
    assert record.timestamp > 0
