"""A rebuild beside a live state: the switch, whoever else writes, and what stays when it dies.

Each test runs on one Redis, and on a cluster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Fatal, Refusal
from pipeline.faults import FaultPoints
from pipeline.keys import LEASE
from pipeline.marker import Marker
from pipeline.settings import RedisSettings
from pipeline.store.building import Building
from pipeline.store.client import connect
from pipeline.store.store import Conflict
from pipeline.store.sweeping import Generations, Sweeper
from rebuild.service import Rebuilt, rebuild
from tests.rebuild.rig import Ledger
from tests.support.events import INCOMING_ID
from tests.support.fakes import Records
from tests.support.folding import CHECK, a_log, assert_is_fold, marker_of
from tests.support.stages import TOPICS, Rig, straight_fold
from tests.support.stores import FIELDS, KEYS, RedisServer, of_generation
from use_cases.first_day_churn import USE_CASE

LOG = a_log()


class Watched(Building):
    """What happens just before a switch, for once; and the markers it was asked to switch to."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    def __init__(self, settings: RedisSettings) -> None:
        super().__init__(connect(settings), KEYS, FIELDS)
        self.asked: list[Marker] = []

    async def switch(
        self, partition: int, expected: Marker | None, built: Marker
    ) -> Conflict | None:
        self.asked.append(built)
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            await act()
        return await super().switch(partition, expected, built)


class Scene:
    """A worker that has applied part of a log that is all logged, and who rebuilds it."""

    def __init__(self, ledger: Ledger, server: RedisServer, settings: RedisSettings) -> None:
        self.ledger, self.server = ledger, server
        self.building = Watched(settings)
        self.worker = Rig({0: LOG[:12]}, server.store)

    async def rebuild(self, faults: str = "") -> Rebuilt:
        """Rebuild the partition and sweep, with a fault somewhere."""
        points = FaultPoints.parse(faults)
        done = await rebuild(self.ledger.features, self.building, 0, points)
        points.hit("before-sweep")
        await self.building.sweep([0])
        return done

    async def generations(self) -> set[str]:
        return {generation for _, generation, _ in await self.server.entities()}

    async def worker_goes_on(self) -> None:
        """The worker comes to the end of the log, which equals the fold."""
        self.worker.logs = self.worker.feed.logs = {0: LOG}
        self.worker.clock.at += CHECK
        await self.worker.run()
        await assert_is_fold(self.server, self.worker.writer, LOG)


@pytest.fixture
async def scene(tmp_path: Path, real_server: RedisServer, redis_settings: RedisSettings) -> Scene:
    ledger = Ledger(tmp_path)
    await ledger.log(TOPICS.incoming, {0: LOG}, rows=5)
    found = Scene(ledger, real_server, redis_settings)
    await found.worker.run()
    return found


async def values(server: RedisServer, log: Records) -> bool:
    """Whether the live generation has the fold's bits."""
    generation = (await marker_of(server)).generation
    found = await server.entities()
    live = {entity: one for (_, g, entity), one in found.items() if g == generation}
    return live == straight_fold(log).entities


async def test_what_was_built_is_live_and_what_was_live_is_gone(scene: Scene) -> None:
    old = await marker_of(scene.server)
    done = await scene.rebuild()
    assert (done.was, done.entities, done.records) == (old, 5, 12)
    assert await marker_of(scene.server) == done.now
    assert await scene.generations() == {done.now.generation} != {old.generation}
    assert await values(scene.server, LOG[:12])


async def test_a_running_worker_goes_on_from_what_was_built(scene: Scene) -> None:
    await scene.rebuild()
    await scene.worker_goes_on()
    assert scene.worker.feed.unconfirmed == [0]


async def test_a_worker_in_the_middle_of_a_batch_writes_nothing_stale(scene: Scene) -> None:
    scene.worker.logs = scene.worker.feed.logs = {0: LOG}
    batches = await scene.worker.feed.poll(scene.worker.stage)
    done = await scene.rebuild()
    await scene.worker.stage.process(batches)
    assert await marker_of(scene.server) == done.now
    assert await scene.generations() == {done.now.generation}
    await scene.worker_goes_on()


@pytest.mark.parametrize("step", ["before-build", "in-build", "in-build=raise:3", "before-switch"])
async def test_a_rebuild_that_dies_before_the_switch_leaves_the_live_state(
    scene: Scene, step: str
) -> None:
    before = await marker_of(scene.server)
    with pytest.raises(Fatal, match="fault point"):
        await scene.rebuild(step if "=" in step else f"{step}=raise")
    assert await marker_of(scene.server) == before
    assert await values(scene.server, LOG[:12])


@pytest.mark.parametrize("step", ["before-build", "before-switch", "after-switch", "before-sweep"])
async def test_a_rebuild_after_one_that_died_works_and_sweeps_what_it_left(
    scene: Scene, step: str
) -> None:
    with pytest.raises(Fatal, match="fault point"):
        await scene.rebuild(f"{step}=raise")
    done = await scene.rebuild()
    assert await scene.generations() == {done.now.generation}
    await scene.worker_goes_on()


async def test_a_live_marker_that_moved_on_is_switched_all_the_same(scene: Scene) -> None:
    built = scene.ledger.features.build(0, await marker_of(scene.server), "g2")
    was = await marker_of(scene.server)
    await scene.building.write(0, built.marker, built.entities)
    scene.worker.logs = scene.worker.feed.logs = {0: LOG[:20]}
    await scene.worker.run()
    assert await scene.building.switch(0, was, built.marker) is None
    assert await marker_of(scene.server) == built.marker
    await scene.worker_goes_on()


@pytest.mark.parametrize("change", ["gone", "older", "another generation", "another topic"])
async def test_a_live_marker_that_changed_otherwise_is_answered(scene: Scene, change: str) -> None:
    was = await marker_of(scene.server)
    built = scene.ledger.features.build(0, was, "g2")
    await scene.building.write(0, built.marker, built.entities)
    changed = {
        "gone": None,
        "older": replace(was, offset=was.offset - 1),
        "another generation": of_generation(was, "theirs"),
        "another topic": replace(was, topic_id="another"),
    }[change]
    await scene.server.client.delete(KEYS.marker(0))
    if changed is not None:
        await scene.server.put_marker(0, changed)
    conflict = await scene.building.switch(0, was, built.marker)
    assert conflict is not None
    assert conflict.actual == changed == await scene.server.store.marker(0)


async def test_a_marker_that_came_meanwhile_is_built_anew(scene: Scene) -> None:
    """A worker that found an empty Redis began anew while it was rebuilt."""
    await scene.server.clear()
    came = Marker.first(INCOMING_ID, "came", USE_CASE.fingerprint)
    scene.building.meanwhile = lambda: scene.server.put_marker(0, came)
    done = await scene.rebuild()
    assert done.was == came
    await scene.worker_goes_on()


async def test_a_marker_that_changes_again_and_again_is_left_alone(scene: Scene) -> None:
    async def change() -> None:
        scene.building.meanwhile = change
        name = f"{len(scene.building.asked)}"
        await scene.server.put_marker(0, of_generation(await marker_of(scene.server), name))

    scene.building.meanwhile = change
    with pytest.raises(Refusal, match="was replaced 5 times"):
        await scene.rebuild()


async def test_of_two_rebuilds_the_earlier_one_gives_up(scene: Scene) -> None:
    live = await marker_of(scene.server)
    first, second = (scene.ledger.features.build(0, live, name) for name in ("one", "two"))
    await scene.building.write(0, first.marker, first.entities)
    await scene.building.write(0, second.marker, second.entities)
    with pytest.raises(Refusal, match="another rebuild of partition 0"):
        await scene.building.switch(0, live, first.marker)
    assert await marker_of(scene.server) == live
    assert await scene.building.switch(0, live, second.marker) is None


async def test_a_rebuild_that_is_overtaken_while_it_writes_gives_up(scene: Scene) -> None:
    live = await marker_of(scene.server)
    first, second = (scene.ledger.features.build(0, live, name) for name in ("one", "two"))
    await scene.building.write(0, first.marker, first.entities)
    believed = first.marker
    await scene.building.write(0, second.marker, second.entities)
    with pytest.raises(Refusal, match="another rebuild"):
        await scene.building.add(0, believed, first.marker, {})


async def test_more_entities_than_one_call_takes_are_all_written(scene: Scene) -> None:
    built = scene.ledger.features.build(0, await marker_of(scene.server), "g2")
    (_, one), *_ = built.entities
    many = [(f"u{n}", one) for n in range(2_001)]
    assert await scene.building.write(0, built.marker, many) == 2_001
    assert sum(g == "g2" for _, g, _ in await scene.server.entities()) == 2_001


async def test_a_sweep_leaves_what_is_being_built(scene: Scene) -> None:
    built = scene.ledger.features.build(0, await marker_of(scene.server), "g2")
    await scene.building.write(0, built.marker, built.entities)
    assert await scene.building.sweep([0]) == 0
    assert "g2" in await scene.generations()


async def test_a_sweep_leaves_a_generation_that_began_meanwhile(scene: Scene) -> None:
    """Redis was emptied, and a worker began anew, after the sweeper had looked at the markers."""
    anew = await marker_of(scene.server)
    keys = [KEYS.entity(*place).encode() for place in await scene.server.entities()]
    sweeper = Sweeper(scene.server.client, KEYS)
    assert not await sweeper.unlink(0, Generations("before", ""), keys)
    assert await values(scene.server, LOG[:12])
    assert await sweeper.unlink(0, Generations(anew.generation, ""), keys[:1])
    assert len(await scene.server.entities()) == len(keys) - 1


async def test_a_sweep_takes_what_nobody_has_gone_on_building_for_a_day(scene: Scene) -> None:
    built = scene.ledger.features.build(0, await marker_of(scene.server), "g2")
    await scene.building.write(0, built.marker, built.entities)
    lease = replace(KEYS, progress=LEASE).marker(0)
    assert 0 < await scene.server.client.ttl(lease) <= 24 * 3600
    await scene.server.client.delete(lease)
    assert await scene.building.sweep([0]) > 0
    assert "g2" not in await scene.generations()
    with pytest.raises(Refusal, match="another rebuild"):
        await scene.building.add(0, built.marker, built.marker, {})
    with pytest.raises(Refusal, match="another rebuild"):
        await scene.building.switch(0, await marker_of(scene.server), built.marker)
