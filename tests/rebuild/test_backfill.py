"""A new aggregation is computed for everyone, and takes over from the live stream at one offset.

Each test runs on one Redis, and on a cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.control import erase_record, lookup_record
from pipeline.errors import Fatal, Refusal
from pipeline.parquet.files import asked_at
from pipeline.settings import RedisSettings
from pipeline.store.client import connect
from rebuild.backfill import Backfill
from tests.rebuild.newer import NEWER, PAID, SPENT, Handover, Worker, with_more
from tests.rebuild.rig import Ledger
from tests.support.events import (
    V1,
    V2,
    bet,
    log_of,
    purchase,
    registration,
    win,
)
from tests.support.fakes import Records, first_of_each_origin, origin_of
from tests.support.stages import INDEX, straight_fold
from tests.support.stores import RedisServer
from use_cases.first_day_churn import USE_CASE


def a_log(length: int = 60) -> Records:
    """Everyone plays from the first day on; tables are loaded, one is erased, one plays unpaid."""
    makers = (bet, win, bet, purchase)
    return log_of(
        [
            lookup_record(INDEX, V1 if n < 20 else V2)
            if n in (0, 25)
            else erase_record("u2")
            if n in (15, 40)
            else registration(f"u{n % 5}", postcode=10_000 + n % 3)
            if n % 11 == 3
            else purchase(5 + n, f"u{n}")
            if n < 5
            else makers[n % 4](1 + n / 7, f"u{n % 6}", event_id=f"e{n // 2}" if n % 5 else None)
            for n in range(length)
        ]
    )


LOG = a_log()


@pytest.fixture
async def handover(
    tmp_path: Path, real_server: RedisServer, redis_settings: RedisSettings
) -> AsyncIterator[Handover]:
    await real_server.clear()
    found = Handover(Ledger(tmp_path), connect(redis_settings), LOG)
    await found.begin()
    yield found
    await found.client.aclose()


async def assert_handed_over(handover: Handover) -> None:
    """A new worker comes to what one has that was there from the start."""
    was = await handover.marker()
    assert was.fingerprint == handover.case.fingerprint
    folded = straight_fold(LOG[: was.offset + 1], handover.case)
    assert await handover.states() == folded.entities
    worker = Worker(handover.case, handover.client, LOG)
    await worker.run()
    whole = straight_fold(LOG, handover.case)
    assert await handover.states() == whole.entities
    assert (await handover.marker()).lookups == whole.lookups
    after = [origin for origin, _ in whole.scored if origin not in dict(folded.scored)]
    assert [origin_of(one) for one in worker.asked] == after


async def test_a_stream_that_goes_on_is_handed_over_at_one_offset(handover: Handover) -> None:
    stream = asyncio.create_task(handover.live_on())
    await handover.backfill().run()
    await stream
    assert (await handover.marker()).offset == handover.worker.store.last > 11
    await handover.worker.step()
    assert "deploy the newer" in handover.worker.refused
    await assert_handed_over(handover)


async def test_each_request_has_its_effect_once(handover: Handover) -> None:
    """What the old worker had sent and not yet written comes again, under a known origin."""
    stream = asyncio.create_task(handover.live_on())
    await handover.backfill().run()
    await stream
    marker, newer = await handover.marker(), Worker(NEWER, handover.client, LOG)
    await newer.run()
    before = [origin_of(one) for one in handover.worker.asked]
    done = max(marker.offset, before[-1].offset)
    both = first_of_each_origin([*handover.worker.asked, *newer.asked], 0)
    scored = [origin for origin, _ in straight_fold(LOG, NEWER).scored]
    asked = [origin_of(one) for one in both]
    assert asked[: len(before)] == before
    assert asked[len(before) :] == [one for one in scored if one.offset > done]
    assert {origin_of(one).offset for one in newer.asked} & {*range(marker.offset + 1)} == set()


async def test_requests_are_those_of_a_worker_that_had_it_from_the_start(
    handover: Handover, real_server: RedisServer
) -> None:
    await handover.backfill().run()
    first = (await handover.marker()).offset + 1
    newer = Worker(NEWER, handover.client, LOG)
    await newer.run()
    await real_server.clear()
    always = Worker(NEWER, handover.client, LOG)
    await always.run()
    assert newer.asked == [one for one in always.asked if origin_of(one).offset >= first]
    assert len(newer.asked) > 20
    assert b"spent_sum" in (newer.asked[-1].value or b"")


async def test_the_scores_go_on_where_they_are(handover: Handover) -> None:
    await handover.backfill().run()
    scores = await handover.scores.marker(0)
    assert scores is not None
    assert (scores.offset, scores.generation, scores.fingerprint) == (4, "g1", NEWER.fingerprint)


async def test_run_again_it_changes_nothing(handover: Handover) -> None:
    await handover.backfill().run()
    marker = await handover.marker()
    await handover.backfill().run()
    assert await handover.marker() == marker
    assert handover.said[-2] == "features 0: already done"


STEPS = ["in-build", "before-fence", "after-fence", "before-switch", "before-scores"]


@pytest.mark.parametrize("step", STEPS)
async def test_killed_anywhere_it_is_done_by_running_it_again(
    handover: Handover, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backfill, "_stand_still", without_cleaning_up)
    with pytest.raises(Fatal, match="fault point"):
        await handover.backfill(f"{step}=raise").run()
    monkeypatch.undo()
    stream = asyncio.create_task(handover.live_on())
    await handover.backfill().run()
    await stream
    await assert_handed_over(handover)
    scores = await handover.scores.marker(0)
    assert scores is not None
    assert scores.fingerprint == NEWER.fingerprint


stand_still = Backfill._stand_still


async def without_cleaning_up(self: Backfill) -> None:
    """As kill -9 in the middle: nothing is freed."""
    try:
        await stand_still(self)
    except Fatal:
        self.partitions = ()
        raise


async def test_a_fenced_partition_takes_no_worker_of_either_declaration(
    handover: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backfill, "_stand_still", without_cleaning_up)
    with pytest.raises(Fatal):
        await handover.backfill("after-fence=raise").run()
    for case in (USE_CASE, NEWER):
        worker = Worker(case, handover.client, LOG)
        await worker.step()
        assert "once `pipeline backfill` has ended" in worker.refused


async def test_what_fails_while_the_stream_stands_lets_it_go_on(handover: Handover) -> None:
    before = await handover.marker()
    with pytest.raises(Fatal):
        await handover.backfill("after-fence=raise").run()
    assert await handover.marker() == before
    await handover.live_on_a_little(6)
    assert (await handover.marker()).offset == before.offset + 6


async def test_a_live_state_that_is_not_what_its_log_comes_to_is_kept(handover: Handover) -> None:
    marker = await handover.marker()
    key = f"{USE_CASE.name}:features:{{0}}:{marker.generation}:u1"
    await handover.client.hset(key, "bet_sum", "12.5")
    with pytest.raises(Refusal, match=r"1 entities would have other values.*\(u1\)"):
        await handover.backfill().run()
    assert await handover.marker() == marker


async def test_another_new_aggregation_must_be_named_too(handover: Handover) -> None:
    handover.case = with_more(SPENT, PAID)
    with pytest.raises(Refusal, match="Run `pipeline backfill paid spent`"):
        await handover.backfill().run()
    handover.named = ("paid_24h_sum", "spent_mean")
    await handover.backfill().run()
    await assert_handed_over(handover)


async def test_without_a_logger_nothing_is_handed_over(handover: Handover) -> None:
    handover.log.append(LOG[12])
    handover.ledger.holds("incoming-events", {0: handover.log})
    await handover.worker.step()
    before = await handover.marker()
    assert before.offset == 12
    with pytest.raises(Refusal, match="does not come to offset 12"):
        await handover.backfill(patience=0).run()
    assert await handover.marker() == before


async def test_the_logger_is_asked_for_what_it_still_holds(handover: Handover) -> None:
    handover.log.append(LOG[12])
    handover.ledger.holds("incoming-events", {0: handover.log})
    await handover.worker.step()
    home = handover.ledger.root / "incoming-events"
    assert asked_at(home) == 0
    with pytest.raises(Refusal, match="does not come to offset 12"):
        await handover.backfill(patience=1).run()
    assert asked_at(home) > 0


async def test_where_nothing_is_live_there_is_nothing_to_hand_over(
    handover: Handover, real_server: RedisServer
) -> None:
    await real_server.clear()
    await handover.backfill().run()
    assert handover.said[0] == "features 0: nothing is live"


async def test_what_kafka_has_deleted_unread_needs_a_rebuild(handover: Handover) -> None:
    handover.log += LOG[12:20]
    await handover.ledger.log("incoming-events", {0: handover.log})
    handover.ledger.starts["incoming-events", 0] = 15
    with pytest.raises(Refusal, match="Run `pipeline rebuild features`"):
        await handover.backfill().run()


async def test_a_state_that_went_back_meanwhile_is_not_replaced(
    handover: Handover, real_server: RedisServer
) -> None:
    older = await real_server.copy()
    await handover.live_on_a_little(6)
    backfill = handover.backfill()
    await backfill._begin(0)
    await real_server.go_back(older)
    with pytest.raises(Refusal, match="went back"):
        await backfill._follow(backfill._heirs[0])
