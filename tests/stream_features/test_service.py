"""The stage as a Faust agent: an unknown error ends it, and what runs is finished on the way out.

The first tests pin what Faust does by itself, which is why the stage does not leave it to Faust.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import faust
import pytest
from faust.app.base import BootStrategy
from mode import CrashingSupervisor

from pipeline.clock import FixedClock
from pipeline.errors import InfrastructureError, Refusal
from pipeline.health import Health
from pipeline.kafka.feed import Batch, Feed
from pipeline.kafka.positions import Log
from pipeline.worker import Stopping
from stream_features.service import FeatureApp
from tests.support.events import batch_of, bet, log_of

SECONDS = 20


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Faust by itself makes directories."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class WithoutKafka(BootStrategy):
    """An app of channels and agents only."""

    enable_kafka = False
    enable_web = False


class Run:
    """A Faust app whose agent raises at the item 2."""

    def __init__(self, **options: Any) -> None:
        self.seen: list[int] = []
        self.app = faust.App(f"pin-{uuid.uuid4().hex[:8]}", web_enabled=False)
        self.app.boot_strategy = WithoutKafka(self.app)
        self.channel: Any = self.app.channel()
        self.app.agent(self.channel, **options)(self.agent)

    async def agent(self, items: Any) -> None:
        async for item in items:
            if item == 2:
                raise KeyError(item)
            self.seen.append(item)

    async def feed(self, *items: int) -> None:
        for item in items:
            await self.channel.put(item)

    async def __aenter__(self) -> Self:
        await self.app.start()
        self.app.flow_control.resume()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.stop()


async def until(fact: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while not fact():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.01)


async def test_faust_s_default_supervisor_loses_the_item_and_goes_on() -> None:
    async with Run() as run:
        await run.feed(1, 2)
        await until(lambda: run.seen == [1])
        await run.feed(3, 4)
        await until(lambda: 4 in run.seen)
        assert run.seen == [1, 3, 4]
        assert run.app.crash_reason is None


async def test_under_the_crashing_supervisor_the_app_crashes_and_goes_nowhere() -> None:
    async with Run(supervisor_strategy=CrashingSupervisor) as run:
        await run.feed(1, 2, 3)
        await until(lambda: run.app.crash_reason is not None)
        assert isinstance(run.app.crash_reason, KeyError)
        assert run.seen == [1]


@dataclass
class FakeFeed:
    """Gives one batch of one bet per poll, and nothing after them."""

    left: int = 5
    failure: Exception | None = None
    stopped: bool = False

    async def poll(self) -> list[Batch]:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        if not self.left:
            await asyncio.sleep(0.01)
            return []
        self.left -= 1
        return [batch_of(log_of([bet(1)]), reading=self.left)]

    def lags(self) -> dict[tuple[str, int], int]:
        return {}

    async def stop(self) -> None:
        self.stopped = True


@dataclass
class FakeStage:
    """Remembers what came to its effects; `script` raises or waits, one entry per call."""

    script: list[Exception | asyncio.Event] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False
    name: str = "fake"

    async def position(self, log: Log) -> int | None:
        return log.start

    async def flush(self) -> None:
        pass

    async def process(self, batches: Sequence[Batch]) -> None:
        if not batches:
            return
        self.began.set()
        entry = self.script.pop(0) if self.script else None
        if isinstance(entry, Exception):
            raise entry
        if entry is not None:
            await entry.wait()
        self.done += [batch.reading for batch in batches]

    async def close(self) -> None:
        self.closed = True


def left_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def app_of(stage: FakeStage, feed: FakeFeed) -> FeatureApp:
    name = f"app-{uuid.uuid4().hex[:8]}"
    return FeatureApp(name, stage, cast("Feed", feed), Health(FixedClock()))


async def test_polls_are_processed_in_order() -> None:
    stage, feed, stopping = FakeStage(), FakeFeed(), Stopping()
    running = asyncio.create_task(app_of(stage, feed).run(stopping))
    await until(lambda: len(stage.done) == 5)
    stopping.set()
    await asyncio.wait_for(running, SECONDS)
    assert stage.done == [4, 3, 2, 1, 0]
    assert (stage.closed, feed.stopped) == (True, True)


async def test_it_polls_when_it_is_ready_and_not_ahead() -> None:
    let_go = asyncio.Event()
    stage, feed, stopping = FakeStage([let_go]), FakeFeed(), Stopping()
    running = asyncio.create_task(app_of(stage, feed).run(stopping))
    await asyncio.wait_for(stage.began.wait(), SECONDS)
    for _ in range(100):
        await asyncio.sleep(0)
    assert feed.left == 4
    let_go.set()
    await until(lambda: len(stage.done) == 5)
    stopping.set()
    await asyncio.wait_for(running, SECONDS)


async def test_it_writes_nothing_where_it_runs(workplace: Path) -> None:
    stage, stopping = FakeStage(), Stopping()
    running = asyncio.create_task(app_of(stage, FakeFeed()).run(stopping))
    await until(lambda: len(stage.done) == 5)
    stopping.set()
    await asyncio.wait_for(running, SECONDS)
    assert not left_in(workplace)


@pytest.mark.parametrize("error", [KeyError("unknown"), Refusal("no", "Do it")])
async def test_an_unknown_error_comes_out_within_seconds_and_nothing_later_is_done(
    error: Exception,
) -> None:
    outage = InfrastructureError("away")
    stage, feed = FakeStage([outage, error]), FakeFeed()
    with pytest.raises(type(error)):
        await asyncio.wait_for(app_of(stage, feed).run(Stopping()), SECONDS)
    assert (stage.done, stage.closed, feed.stopped) == ([], True, True)


async def test_a_batch_is_tried_again_after_an_outage() -> None:
    stage, feed, stopping = FakeStage([InfrastructureError("x")] * 2), FakeFeed(), Stopping()
    running = asyncio.create_task(app_of(stage, feed).run(stopping))
    await until(lambda: len(stage.done) == 5)
    stopping.set()
    await asyncio.wait_for(running, SECONDS)
    assert stage.done == [4, 3, 2, 1, 0]


async def test_a_refusal_of_the_feed_comes_out() -> None:
    stage, feed = FakeStage(), FakeFeed(failure=Refusal("no", "Do it"))
    with pytest.raises(Refusal):
        await asyncio.wait_for(app_of(stage, feed).run(Stopping()), SECONDS)
    assert (stage.closed, feed.stopped) == (True, True)


async def test_a_running_batch_is_finished_when_the_end_is_asked_for() -> None:
    let_go = asyncio.Event()
    stage, feed, stopping = FakeStage([let_go]), FakeFeed(), Stopping()
    running = asyncio.create_task(app_of(stage, feed).run(stopping))
    await asyncio.wait_for(stage.began.wait(), SECONDS)
    stopping.set()
    await asyncio.wait([running], timeout=0.5)
    assert not running.done()
    assert not stage.closed
    let_go.set()
    await asyncio.wait_for(running, SECONDS)
    assert stage.done == [4]
    assert stage.closed
