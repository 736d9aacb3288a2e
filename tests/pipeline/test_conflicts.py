"""Redis equals the fold up to the marker when Redis goes back, or another worker goes further.

Each test runs on the fake store, on one Redis, and on a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipeline.control import erase_record
from pipeline.errors import Fatal
from pipeline.marker import Marker
from tests.support.events import INCOMING_ID, log_of, purchase
from tests.support.fakes import process
from tests.support.folding import CHECK, a_log, assert_is_fold, marker_of, rewinds
from tests.support.stages import Rig, straight_fold
from tests.support.stores import LosesAnswers, Server, of_generation
from use_cases.first_day_churn import USE_CASE

# Redis goes back


async def test_a_redis_that_went_back_is_healed_from_the_log(server: Server) -> None:
    log = a_log()
    rig = Rig({0: log[:12]}, server.store)
    await rig.run()
    older = await server.copy()
    rig.logs = rig.feed.logs = {0: log}
    await rig.run()
    before = rewinds("lower")
    await server.go_back(older)
    rig.clock.at += CHECK
    await rig.run()
    await assert_is_fold(server, rig.writer, log)
    assert rewinds("lower") == before + 1


async def test_what_is_replayed_comes_out_identical(server: Server) -> None:
    log = a_log()
    rig = Rig({0: log[:12]}, server.store)
    await rig.run()
    older = await server.copy()
    rig.logs = rig.feed.logs = {0: log}
    await rig.run()
    await server.go_back(older)
    rig.clock.at += CHECK
    await rig.run()
    (written,) = rig.writer.logs.values()
    again = written[len(straight_fold(log).scored) :]
    assert again == written[len(straight_fold(log[:12]).scored) :][: len(again)]
    assert again


async def test_a_batch_finds_out_by_itself_that_redis_went_back(server: Server) -> None:
    log = a_log()
    rig = Rig({0: log}, server.store)
    await rig.stage.process(await rig.feed.poll(rig.stage))
    older = await server.copy()
    await rig.stage.process(await rig.feed.poll(rig.stage))
    batches = await rig.feed.poll(rig.stage)
    await server.go_back(older)
    await rig.stage.process(batches)
    assert (await marker_of(server)).offset == 2
    await rig.run()
    await assert_is_fold(server, rig.writer, log)


async def test_an_emptied_redis_is_filled_again_under_a_new_generation(server: Server) -> None:
    log = a_log()
    rig = Rig({0: log}, server.store)
    await rig.run()
    generation = (await marker_of(server)).generation
    await server.clear()
    rig.clock.at += CHECK
    await rig.run()
    await assert_is_fold(server, rig.writer, log)
    assert (await marker_of(server)).generation != generation
    assert {g for _, g, _ in await server.entities()} == {(await marker_of(server)).generation}


async def test_an_emptied_redis_is_noticed_while_a_batch_is_in_hand(server: Server) -> None:
    log = a_log()
    rig = Rig({0: log}, server.store)
    await rig.stage.process(await rig.feed.poll(rig.stage))
    batches = await rig.feed.poll(rig.stage)
    await server.clear()
    await rig.stage.process(batches)
    assert await server.store.marker(0) is None
    await rig.run()
    await assert_is_fold(server, rig.writer, log)


async def test_a_quiet_partition_is_healed_within_a_second(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    await rig.run()
    await server.clear()
    await rig.stage.process([])
    assert await server.store.marker(0) is None
    rig.clock.at += CHECK
    await rig.stage.process([])
    assert rig.feed.owned == []


# Another worker goes further


async def test_a_zombie_s_stale_batch_changes_nothing(server: Server) -> None:
    log = a_log()
    zombie = Rig({0: log}, server.store)
    await zombie.stage.process(await zombie.feed.poll(zombie.stage))
    stale = await zombie.feed.poll(zombie.stage)
    owner = zombie.restarted()
    await owner.run()
    before, marker = await server.entities(), await marker_of(server)
    await process(zombie.stage, stale)
    assert await server.entities() == before
    assert await marker_of(server) == marker
    await assert_is_fold(server, owner.writer, log)


async def test_who_was_overtaken_reads_on_once_the_group_confirms_it(server: Server) -> None:
    log = a_log()
    zombie = Rig({0: log}, server.store)
    await zombie.stage.process(await zombie.feed.poll(zombie.stage))
    stale = await zombie.feed.poll(zombie.stage)
    await zombie.restarted().run()
    await process(zombie.stage, stale)
    assert zombie.feed.unconfirmed == [0]
    zombie.feed.logs[0].extend(a_log(30)[24:])
    await zombie.run()
    await assert_is_fold(server, zombie.writer, zombie.logs[0])


async def test_another_generation_is_further_whatever_its_offset(server: Server) -> None:
    log = a_log()
    rig = Rig({0: log}, server.store)
    await rig.stage.process(await rig.feed.poll(rig.stage))
    batches = await rig.feed.poll(rig.stage)
    rebuilt = of_generation(Marker.first(INCOMING_ID, "", USE_CASE.fingerprint), "rebuilt")
    await server.put_marker(0, rebuilt)
    await process(rig.stage, batches)
    assert rig.feed.unconfirmed == [0]
    await rig.run()
    assert (await marker_of(server)).generation == "rebuilt"
    await assert_is_fold(server, rig.writer, log)


async def test_a_quiet_partition_notices_another_generation(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    await rig.run()
    await server.put_marker(0, of_generation(await marker_of(server), "rebuilt"))
    rig.clock.at += CHECK
    await rig.stage.process([])
    assert rig.feed.unconfirmed == [0]


async def test_a_partition_that_is_someone_else_s_now_is_no_longer_watched(server: Server) -> None:
    rig = Rig({0: a_log()}, server.store)
    await rig.run()
    rig.feed.rebalance()
    await server.put_marker(0, of_generation(await marker_of(server), "theirs"))
    rig.clock.at += CHECK
    before = rewinds("higher")
    await rig.stage.process([])
    assert (rewinds("higher"), rig.feed.unconfirmed) == (before, [])


# Answers and writes that are lost


@pytest.mark.parametrize("cached", [1, 10])
async def test_a_write_whose_answer_was_lost_counts_once(server: Server, cached: int) -> None:
    log = a_log()
    rig = Rig({0: log}, LosesAnswers(server.store, 1, 3, 4, 7), cached=cached)
    await rig.run()
    await assert_is_fold(server, rig.writer, log)


async def test_a_write_of_known_entities_whose_answer_was_lost_is_found_done(
    server: Server,
) -> None:
    log = a_log(9, users=3)
    store = LosesAnswers(server.store, 2)
    rig = Rig({0: log}, store)
    await rig.run()
    await assert_is_fold(server, rig.writer, log)
    assert (store.writes, rig.feed.unconfirmed) == (4, [])


# Keys that are not ours


async def test_a_known_entity_s_key_of_another_type_stops_everything(server: Server) -> None:
    log = a_log(12, users=3)
    rig = Rig({0: log}, server.store)
    await rig.stage.process(await rig.feed.poll(rig.stage))
    marker = await marker_of(server)
    await server.spoil((0, marker.generation, "u1"))
    before = await untouched(server, marker)
    with pytest.raises(Fatal, match=r"partition 0 is suspect"):
        await rig.stage.process(await rig.feed.poll(rig.stage))
    assert await untouched(server, marker) == before
    assert await marker_of(server) == marker


async def test_an_unknown_entity_s_key_of_another_type_stops_everything(server: Server) -> None:
    log = a_log(12, users=3)
    first = Rig({0: log[:6]}, server.store)
    await first.run()
    marker = await marker_of(server)
    await server.spoil((0, marker.generation, "u1"))
    with pytest.raises(Fatal, match=r"partition 0.*(WRONGTYPE|suspect)"):
        await replace(first.restarted(), logs={0: log}).run()
    assert await marker_of(server) == marker


async def untouched(server: Server, marker: Marker) -> Mapping[str, Any]:
    """The other entities: nothing may be written of a batch that is refused."""
    store = server.store
    snapshot = await store.read(0, marker.generation, ["u0", "u2"])
    return {"u0": snapshot.values[0], "u2": snapshot.values[1]}


async def test_a_server_that_forgot_the_scripts_is_told_again(server: Server) -> None:
    log = a_log()
    rig = Rig({0: log}, server.store)
    await rig.stage.process(await rig.feed.poll(rig.stage))
    await server.forget_scripts()
    await rig.run()
    await assert_is_fold(server, rig.writer, log)


async def test_erasing_an_entity_deletes_its_key(server: Server) -> None:
    log = log_of([purchase(1, "u1"), purchase(2, "u2"), erase_record("u1")])
    rig = Rig({0: log}, server.store)
    await rig.run()
    assert [entity for _, _, entity in await server.entities()] == ["u2"]
