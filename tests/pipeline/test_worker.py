"""The loop of every worker: the same batches again after an outage, everything else comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from pipeline.clock import FixedClock
from pipeline.errors import DataError, Fatal, InfrastructureError, Refusal, most_serious
from pipeline.health import Health, watch
from pipeline.kafka.feed import Batch
from pipeline.kafka.positions import Log
from pipeline.worker import Stopping, process
from tests.support.events import batch_of, bet, log_of

BATCHES = [batch_of(log_of([bet(1)]))]


@dataclass
class ScriptedStage:
    """Raises what it is told to, one per call."""

    script: list[Exception]
    calls: list[Sequence[Batch]] = field(default_factory=list)
    name: str = "scripted"

    async def position(self, log: Log) -> int:
        return log.start

    async def flush(self) -> None:
        pass

    async def process(self, batches: Sequence[Batch]) -> None:
        self.calls.append(batches)
        if self.script:
            raise self.script.pop(0)

    async def close(self) -> None:
        pass


async def test_a_batch_is_tried_again_until_it_is_done() -> None:
    stage = ScriptedStage([InfrastructureError("a"), InfrastructureError("b")])
    await process(stage, BATCHES, Health(FixedClock()), Stopping())
    assert stage.calls == [BATCHES] * 3


@pytest.mark.parametrize("error", [Fatal("x"), Refusal("x", "y"), DataError("x"), KeyError("x")])
async def test_any_other_error_comes_out_at_once(error: Exception) -> None:
    stage = ScriptedStage([error])
    with pytest.raises(type(error)):
        await process(stage, BATCHES, Health(FixedClock()), Stopping())
    assert len(stage.calls) == 1


async def test_who_is_told_to_stop_does_not_try_again_for_ever() -> None:
    stopping = Stopping()
    stopping.set()
    stage = ScriptedStage([InfrastructureError("x") for _ in range(100)])
    await asyncio.wait_for(process(stage, BATCHES, Health(FixedClock()), stopping), 5)
    assert len(stage.calls) == 1


async def test_a_worker_is_ready_only_once_its_work_is_done() -> None:
    health = Health(FixedClock())
    stopping = Stopping()
    stopping.set()
    await process(ScriptedStage([InfrastructureError("x")]), BATCHES, health, stopping)
    assert (health.live(), health.ready()) == (True, False)
    await process(ScriptedStage([]), BATCHES, health, stopping)
    assert health.ready()


def test_a_worker_that_stands_still_is_neither_ready_nor_alive() -> None:
    clock = FixedClock()
    health = Health(clock)
    health.worked()
    clock.at = 20_000_000
    assert (health.live(), health.ready()) == (True, False)
    clock.at = 301_000_000
    assert (health.live(), health.ready()) == (False, False)


def test_a_worker_that_stands_still_ends_itself_at_the_second_look() -> None:
    clock, ends = FixedClock(), list[float]()
    health = Health(clock)
    health.worked()
    pauses = iter([100, 290, 301, 302])

    def pause(_: float) -> None:
        clock.at = next(pauses) * 1_000_000

    watch(health, lambda: ends.append(clock.monotonic()), pause)
    assert ends == [302]


def test_one_look_at_a_dead_worker_is_not_enough() -> None:
    clock, ends = FixedClock(), list[float]()
    health = Health(clock)
    health.worked()
    pauses = iter([400, 500, 1000, 1010])

    def pause(_: float) -> None:
        clock.at = next(pauses) * 1_000_000
        if clock.at == 500_000_000:
            health.worked()  # it had only been stopped

    watch(health, lambda: ends.append(clock.monotonic()), pause)
    assert ends == [1010]


def test_what_must_not_be_tried_again_is_the_more_serious_failure() -> None:
    outage, fatal = InfrastructureError("outage"), Fatal("fatal")
    assert most_serious([outage, fatal]) is fatal
    assert most_serious([fatal, outage]) is fatal
    assert most_serious([outage]) is outage
