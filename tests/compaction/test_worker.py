"""Compaction that nobody has to start: as a process of its own, and its loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from http.client import HTTPConnection
from pathlib import Path

import pytest

from compaction.dates import Day, Size
from compaction.service import Changed, Outcome
from compaction.worker import SETTLED, Make, Tidying
from embedded.ports import free_port
from pipeline.clock import FixedClock, SystemClock
from pipeline.errors import Refusal
from pipeline.health import Health
from pipeline.parquet.tables import read_once
from pipeline.times import format_time, parse_time
from pipeline.worker import Stopping
from tests.compaction.rig import SCHEMA, log
from tests.inference_logger.rig import CASE, INCOMING, bets, files_of
from tests.support.kafka import eventually
from tests.support.processes import Worker, running

TODAY = date(2026, 1, 2)
MOMENT = parse_time("2026-01-02T00:10:00Z")


@contextmanager
def compaction(directory: Path, port: int, **settings: str) -> Iterator[Worker]:
    wanted = {"DATA": str(directory), "METRICS_PORT": str(port), **settings}
    environ = {**os.environ, **{f"PIPELINE_{name}": value for name, value in wanted.items()}}
    with running([sys.executable, "-m", "compaction"], environ, directory / "log") as worker:
        yield worker


def status(port: int, path: str) -> int:
    """What a path answers; 0 while nobody does."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


async def test_dates_that_are_over_are_merged_and_the_worker_is_ready(tmp_path: Path) -> None:
    root, port = tmp_path / CASE.name, free_port()
    await log(root, {0: bets(20)})
    before = read_once(root, INCOMING, SCHEMA)
    with compaction(tmp_path, port) as worker:
        eventually(lambda: len(files_of(root)) == 1, 60)
        eventually(lambda: status(port, "/ready") == 200, 30)
        assert worker.ends_on_sigterm() == 0
    assert read_once(root, INCOMING, SCHEMA).equals(before)


async def test_dates_that_are_too_old_are_removed(tmp_path: Path) -> None:
    root = tmp_path / CASE.name
    await log(root, {0: bets(20)})
    with compaction(tmp_path, free_port(), RETENTION_DAYS="1") as worker:
        eventually(lambda: not files_of(root), 60)
        assert worker.ends_on_sigterm() == 0


async def test_a_damaged_file_is_left_and_told_and_the_worker_is_not_ready(tmp_path: Path) -> None:
    root, port = tmp_path / CASE.name, free_port()
    await log(root, {0: bets(20)})
    files_of(root)[0].write_bytes(b"PAR1")
    with compaction(tmp_path, port) as worker:
        eventually(lambda: b"cannot be read" in worker.log.read_bytes(), 60)
        assert (status(port, "/live"), len(files_of(root))) == (200, 3)
        assert worker.ends_on_sigterm() == 0


async def test_it_ends_at_once_in_the_midst_of_a_pass(tmp_path: Path) -> None:
    root = tmp_path / CASE.name
    await log(root, {0: bets(20)})
    with compaction(tmp_path, free_port(), FAULTS="compact-written=slow:60000") as worker:
        eventually(lambda: any((root / "_compaction" / INCOMING).glob("*/*.parquet")), 60)
        assert worker.ends_on_sigterm() == 0
    assert len(files_of(root)) == 3


@asynccontextmanager
async def tidying(make: Make) -> AsyncIterator[Health]:
    """The loop, running; its time is ten minutes after midnight."""
    stopping, health = Stopping(), Health(SystemClock())
    task = asyncio.create_task(Tidying(make, health, stopping, FixedClock(MOMENT)).run())
    yield health
    stopping.set()
    await task


async def until(fact: asyncio.Event) -> None:
    await asyncio.wait_for(fact.wait(), 30)


async def test_a_date_is_left_alone_while_the_logger_may_hold_records_of_it() -> None:
    asked: list[int] = []
    loop, passed = asyncio.get_running_loop(), asyncio.Event()

    def make(moment: int) -> list[Outcome]:
        asked.append(moment)
        loop.call_soon_threadsafe(passed.set)
        return []

    async with tidying(make):
        await until(passed)
    assert asked == [MOMENT - SETTLED]
    assert format_time(asked[0]).startswith("2026-01-01T23:55")


async def test_it_is_ready_during_a_long_pass() -> None:
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def make(_: int) -> Iterator[Outcome]:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(30)
        yield Changed(Day(Path("topic"), TODAY), Size(3, 3), Size(1, 1))

    async with tidying(make) as health:
        await until(begun)
        assert health.ready()
        go_on.set()


@pytest.mark.parametrize("error", [OSError("disk"), Refusal("no locks", "Move it")])
async def test_a_pass_that_cannot_do_its_work_is_no_end(error: Exception) -> None:
    loop, failed = asyncio.get_running_loop(), asyncio.Event()

    def make(_: int) -> Iterator[Outcome]:
        loop.call_soon_threadsafe(failed.set)
        raise error

    async with tidying(make) as health:
        await until(failed)
        assert health.live()


async def test_what_nobody_foresaw_ends_it() -> None:
    def make(_: int) -> list[Outcome]:
        raise ZeroDivisionError

    work = Tidying(make, Health(SystemClock()), Stopping(), FixedClock(MOMENT)).run()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(work, 30)
