"""Two members of one name: whoever is replaced ends, and only once; nobody else does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from pipeline.errors import Fenced, InfrastructureError
from pipeline.kafka.feed import Feed
from tests.support.feeding import SECONDS, Make, Positions, numbers, polled, records, until


async def poll_for_ever(feed: Feed) -> None:
    while True:
        await feed.poll()


async def test_whoever_is_replaced_is_refused_and_the_newcomer_works(reading: Make) -> None:
    one = reading(2)
    async with one.member(Positions()) as older:
        await until(older, lambda: len(older.owned) == 2)
        older_polls = asyncio.create_task(poll_for_ever(older))
        async with one.member(Positions()) as newer:
            with pytest.raises(Fenced, match=f"{one.group}-a .* PIPELINE_INSTANCE"):
                await asyncio.wait_for(older_polls, SECONDS)
            one.append(0, *range(5))
            assert numbers(await polled(newer, records(5))) == [*range(5)]


async def test_whoever_is_replaced_learns_it_from_a_commit_too(reading: Make) -> None:
    one = reading(1)
    async with one.member(Positions()) as older:
        await until(older, lambda: older.owned)
        async with one.member(Positions()) as newer:
            await until(newer, lambda: newer.owned)
            with pytest.raises(Fenced):
                await commit_until_refused(older, (one.topic, 0))


async def commit_until_refused(feed: Feed, place: tuple[str, int]) -> None:
    """The first commit is refused as one of an unknown member, which may have any reason."""
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(InfrastructureError):
                await feed.commit({place: 0})
            await asyncio.sleep(0.05)


async def test_of_two_that_start_together_one_works_and_one_is_refused(reading: Make) -> None:
    one = reading(2)
    feeds = [one.feed(Positions()) for _ in range(2)]
    try:
        ends = [asyncio.create_task(started_and_polled(feed)) for feed in feeds]
        done, working = await asyncio.wait(
            ends, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        assert [type(end.exception()) for end in done] == [Fenced]
        await asyncio.wait(working, timeout=2)
        assert not any(end.done() for end in working)
        for end in working:
            end.cancel()
    finally:
        for feed in feeds:
            await feed.stop()


async def started_and_polled(feed: Feed) -> None:
    await feed.start()
    await poll_for_ever(feed)


async def test_a_member_that_the_group_has_dropped_joins_again(reading: Make) -> None:
    one = reading(1)
    positions = Positions()
    async with one.member(positions) as feed:
        await until(feed, lambda: feed.owned)
        feed._consumer._coordinator.reset_generation()
        await until(feed, lambda: len(positions.asked) == 2 and feed.owned)
        one.append(0, 7)
        assert numbers(await polled(feed, records(1))) == [7]


async def test_a_restart_under_the_same_name_is_no_takeover(reading: Make) -> None:
    one = reading(1)
    for number in range(2):
        one.append(0, number)
        async with one.member(Positions()) as feed:
            assert numbers(await polled(feed, records(number + 1))) == [*range(number + 1)]


async def test_whoever_is_replaced_learns_it_at_its_next_poll_where_a_commit_failed_first(
    reading: Make,
) -> None:
    one = reading(2)
    older = one.feed(Positions())
    older._options["heartbeat_interval_ms"] = 9_000  # so that no heartbeat is the first to fail
    await older.start()
    try:
        await until(older, lambda: len(older.owned) == 2)
        async with one.member(Positions()) as newer:
            await until(newer, lambda: newer.owned)
            with pytest.raises(InfrastructureError):
                await older.commit({(one.topic, 0): 0})
            with pytest.raises(Fenced):
                await asyncio.wait_for(poll_for_ever(older), SECONDS)
    finally:
        await older.stop()
