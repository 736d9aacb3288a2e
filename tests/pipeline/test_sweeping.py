"""What is left of older generations is removed by the worker, a page between two batches.

Each test runs on one Redis, and on a cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipeline.control import erase_record
from pipeline.errors import InfrastructureError
from pipeline.keys import BUILDING, LEASE, SCORES, Keys
from pipeline.marker import Marker
from pipeline.store.sweeping import Generations, Sweeper
from tests.support.events import caused_by, changed, log_of, purchase
from tests.support.fakes import Records
from tests.support.folding import CHECK, a_log, assert_is_fold, marker_of
from tests.support.stages import Rig, straight_fold
from tests.support.stores import KEYS, RedisServer

PAUSE = 5 * CHECK


class Scene:
    """A worker that sweeps."""

    def __init__(self, server: RedisServer, log: Records) -> None:
        self.server = server
        self.sweeper = Flaky(server)
        self.worker = Rig({0: log}, server.store, sweeper=self.sweeper)

    async def run(self, steps: int = 20) -> None:
        """Let the worker come to the end, and then poll so often."""
        self.worker.clock.at += PAUSE
        await self.worker.run()
        for _ in range(steps):
            await self.worker.stage.process([])

    async def lose_marker(self) -> str:
        """Delete that of partition 0; returns its generation."""
        generation = (await marker_of(self.server)).generation
        await self.server.client.delete(KEYS.marker(0))
        return generation

    async def leave(self, generation: str, *entities: str, keys: Keys = KEYS) -> None:
        """Put something under an older generation of partition 0."""
        for entity in entities:
            await self.server.client.hset(keys.entity(0, generation, entity), "purchase_sum", "1")

    async def live(self) -> dict[str, list[bytes]]:
        found = await self.server.entities()
        live = (await marker_of(self.server)).generation
        return {entity: values for (_, name, entity), values in found.items() if name == live}

    async def left(self, generation: str) -> int:
        return sum(name == generation for _, name, _ in await self.server.entities())


class Flaky(Sweeper):
    """A sweeper that fails in the middle for so often."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server.client, KEYS)
        self.failures = 0

    async def unlink(self, partition: int, believed: Generations, keys: Sequence[bytes]) -> bool:
        if self.failures:
            self.failures -= 1
            raise InfrastructureError("Redis is away")
        return await super().unlink(partition, believed, keys)


@pytest.fixture
async def scene(real_server: RedisServer) -> Scene:
    found = Scene(real_server, a_log())
    await found.run()
    assert not (await marker_of(real_server)).sweep_due
    return found


async def test_after_a_marker_was_lost_nothing_is_left_of_its_generation(scene: Scene) -> None:
    lost = await scene.lose_marker()
    assert await scene.left(lost)
    await scene.run()
    assert await scene.left(lost) == 0
    await assert_is_fold(scene.server, scene.worker.writer, a_log())


async def test_it_stays_until_the_log_has_been_folded_again(scene: Scene) -> None:
    lost = await scene.lose_marker()
    scene.worker.clock.at += PAUSE
    stage, feed = scene.worker.stage, scene.worker.feed
    for _ in range(3):
        await stage.process(await feed.poll(stage))
    assert (await marker_of(scene.server)).offset < len(a_log()) - 1
    assert await scene.left(lost)


async def test_a_worker_that_ends_before_it_has_swept_leaves_that_to_the_next(
    scene: Scene,
) -> None:
    lost = await scene.lose_marker()
    scene.sweeper.failures = 1
    await scene.run()
    assert await scene.left(lost)
    scene.worker = scene.worker.restarted()
    await scene.run()
    assert await scene.left(lost) == 0


async def test_a_step_removes_a_page_at_most(scene: Scene) -> None:
    await scene.lose_marker()
    await scene.leave("g0", *(f"old{n}" for n in range(3_000)))
    await scene.run(0)
    before = await scene.left("g0")
    for _ in range(20):
        await scene.worker.stage.process([])
        now = await scene.left("g0")
        assert before - now <= 1_500
        before = now
    assert before == 0


async def test_nothing_is_removed_of_other_partitions_kinds_and_cases(scene: Scene) -> None:
    others = (replace(KEYS, use_case="another"), Keys(KEYS.use_case, SCORES))
    for keys in others:
        await scene.leave("g0", "u1", keys=keys)
    unowned = KEYS.entity(5, "g0", "u1")
    await scene.server.client.hset(unowned, "purchase_sum", "1")
    await scene.lose_marker()
    await scene.run()
    kept = [*(keys.entity(0, "g0", "u1") for keys in others), unowned]
    assert [await scene.server.client.exists(key) for key in kept] == [1, 1, 1]


async def test_what_is_being_built_stays_until_its_builder_has_died(scene: Scene) -> None:
    building, lease = (replace(KEYS, progress=name).marker(0) for name in (BUILDING, LEASE))
    await scene.leave("new", "u1")
    await scene.server.client.hset(building, mapping=Marker.first("t", "new", "f").encode())
    await scene.server.client.set(lease, "")
    lost = await scene.lose_marker()
    await scene.run()
    assert (await scene.left(lost), await scene.left("new")) == (0, 1)
    await scene.server.client.delete(lease)
    await scene.run()
    assert await scene.left("new") == 0
    assert not await scene.server.client.exists(building)


async def test_an_erasure_reaches_the_entity_under_every_generation(scene: Scene) -> None:
    await scene.leave("g0", "u1", "u2")
    log = with_erasure(a_log(), "u1")
    scene.worker.logs = scene.worker.feed.logs = {0: log}
    await scene.run()
    assert not [place for place in await scene.server.entities() if place[::2] == (0, "u1")]
    assert await scene.live() == straight_fold(log).entities


async def test_an_erasure_during_the_refold_reaches_it_too(scene: Scene) -> None:
    lost = await scene.lose_marker()
    scene.worker.clock.at += PAUSE
    stage, feed = scene.worker.stage, scene.worker.feed
    await stage.process(await feed.poll(stage))
    log = with_erasure(a_log(), "u1")
    scene.worker.logs = feed.logs = {0: log}
    await scene.run()
    assert await scene.left(lost) == 0
    assert await scene.live() == straight_fold(log).entities


async def test_an_outage_holds_up_no_batch_and_the_sweep_is_done_later(scene: Scene) -> None:
    lost = await scene.lose_marker()
    scene.sweeper.failures = 1
    await scene.run()
    await assert_is_fold(scene.server, scene.worker.writer, a_log())
    assert await scene.left(lost)
    await scene.run()
    assert await scene.left(lost) == 0


async def test_a_generation_that_begins_during_a_sweep_is_swept_by_the_next(scene: Scene) -> None:
    await scene.leave("g0", *(f"old{n}" for n in range(3_000)))
    await scene.lose_marker()
    await scene.run(1)
    second = await scene.lose_marker()
    await scene.run()
    await scene.run()
    assert (await scene.left("g0"), await scene.left(second)) == (0, 0)
    await assert_is_fold(scene.server, scene.worker.writer, a_log())


def with_erasure(log: Records, entity: str) -> Records:
    """The log, and behind it an erasure and somebody else's event."""
    end = len(log)
    erasure, event = log_of([erase_record(entity), purchase(1, "u9")])
    later = changed(event, offset=end + 1, headers=caused_by(end + 1))
    return [*log, changed(erasure, offset=end), later]
