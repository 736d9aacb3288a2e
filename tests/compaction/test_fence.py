"""What the logger, readers and another compaction do meanwhile."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from compaction import service
from compaction.merging import Merger
from compaction.service import Compactor, Outcome, PutOff
from inference_logger.files import LogFiles
from pipeline.errors import InfrastructureError, Refusal
from pipeline.faults import FaultPoints
from pipeline.parquet import tables
from pipeline.parquet.files import note_path
from pipeline.parquet.locks import publishing, rearranging, replacing
from pipeline.parquet.tables import open_topic, read_once
from pipeline.settings import LoggerSettings
from rebuild.history import read_history
from tests.compaction.rig import DAY, MEGABYTE, SCHEMA, compact, days, expire, log
from tests.inference_logger.rig import CASE, INCOMING, Rig, bets, files_of, offsets_of
from tests.support.events import changed

TEN = LoggerSettings(rows=10)


@dataclass(frozen=True, slots=True)
class Interrupted(Merger):
    """Something else happens before it merges."""

    meanwhile: Callable[[], object]

    def merge(self, paths: Iterable[Path], into: Path) -> None:
        self.meanwhile()
        Merger.merge(self, paths, into)


def compact_while(root: Path, meanwhile: Callable[[], object]) -> Outcome:
    merger = Interrupted(CASE.entity, MEGABYTE, meanwhile)
    with rearranging(root):
        return Compactor(root, merger, FaultPoints()).compact(days(root)[0])


def why(outcomes: Iterable[Outcome]) -> str:
    return ", ".join(one.why for one in outcomes if isinstance(one, PutOff))


async def test_a_file_that_comes_while_a_date_is_merged_is_kept(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(20)})
    late = files_of(tmp_path)[-1].read_bytes()
    newcomer = tmp_path / INCOMING / DAY / f"1-{0:020}.parquet"
    outcome = compact_while(tmp_path, lambda: newcomer.write_bytes(late))
    assert isinstance(outcome, PutOff)
    assert "another file meanwhile" in outcome.why
    assert len(files_of(tmp_path)) == 4


async def test_while_a_file_is_being_published_nothing_is_exchanged(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(20)})
    with publishing(tmp_path / INCOMING):
        assert "others hold the lock" in why(compact(tmp_path))
        assert "others hold the lock" in why(expire(tmp_path))
    assert len(files_of(tmp_path)) == 3


async def test_while_files_are_exchanged_the_logger_waits(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)}, limits=TEN)
    batches = await rig.feed.poll(rig.stage)
    with (
        replacing(tmp_path / INCOMING, 1),
        pytest.raises(InfrastructureError, match="others hold the lock"),
    ):
        await rig.stage.process(batches)
    await rig.stage.process([])
    assert offsets_of(tmp_path) == list(range(10))


@pytest.mark.parametrize(("change", "left"), [(compact, list(range(20))), (expire, [])])
async def test_a_stalled_worker_does_not_write_again_what_was_compacted_or_removed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], object],
    left: list[int],
) -> None:
    stalled = Rig.on(tmp_path, {0: bets(10)}, instance="stalled")
    await stalled.step()
    write = LogFiles._write

    def stall(self: LogFiles, table: pa.Table, path: Path) -> os.stat_result:
        """It has looked whether somebody was first; its file has no name yet."""
        monkeypatch.undo()
        asyncio.run(log(tmp_path, {0: bets(20)}))
        change(tmp_path)
        return write(self, table, path)

    monkeypatch.setattr(LogFiles, "_write", stall)
    await stalled.stage.close()
    assert offsets_of(tmp_path) == left


async def test_what_no_position_is_noted_behind_is_put_off(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(10)})
    older = note_path(tmp_path / INCOMING, 0).read_bytes()
    await log(tmp_path, {0: bets(20)})
    note_path(tmp_path / INCOMING, 0).write_bytes(older)
    assert "not noted" in why(compact(tmp_path))
    assert "not noted" in why(expire(tmp_path))
    assert offsets_of(tmp_path) == list(range(20))


async def test_what_is_no_file_of_the_log_is_not_removed(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(20)})
    stranger = tmp_path / INCOMING / DAY / "notes.txt"
    stranger.write_text("mine")
    assert "notes.txt is no file of the log" in why([*compact(tmp_path), *expire(tmp_path)])
    assert stranger.read_text() == "mine"


def test_of_two_at_once_one_is_refused(tmp_path: Path) -> None:
    with (
        rearranging(tmp_path),
        pytest.raises(Refusal, match="being compacted"),
        rearranging(tmp_path),
    ):
        raise AssertionError("both went on")


def test_without_an_exchange_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "invalid argument")

    monkeypatch.setattr(service, "rename", refuse)
    with pytest.raises(Refusal, match="cannot exchange"):
        compact(tmp_path)


async def test_without_locks_the_logger_logs_and_nothing_is_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    await log(tmp_path, {0: bets(20)})
    with pytest.raises(Refusal, match="without locks"):
        compact(tmp_path)
    assert not (tmp_path / "_compaction" / INCOMING / DAY).exists()
    assert offsets_of(tmp_path) == list(range(20))


async def test_a_full_disk_leaves_the_date_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log(tmp_path, {0: bets(20)})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Merger, "_write", full)
    with pytest.raises(OSError, match="no space left"):
        compact(tmp_path)
    assert len(files_of(tmp_path)) == 3
    assert not (tmp_path / "_compaction" / INCOMING / DAY).exists()


async def test_a_rebuild_that_has_begun_reads_on_in_compacted_files(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(30)})
    stream = read_history(tmp_path, INCOMING, 1).current.stream(0)
    batches = stream.batches(SCHEMA, SCHEMA.names)
    read = [next(batches), next(batches)]
    compact(tmp_path)
    read += batches
    assert [one for batch in read for one in batch["offset"].to_pylist()] == list(range(30))


async def test_a_part_of_a_stream_stays_that_part_in_compacted_files(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(30)})
    stream = read_history(tmp_path, INCOMING, 1).current.stream(0)
    part = replace(stream, files=stream.files[1:3])
    compact(tmp_path)
    offsets = [one for batch in part.batches(SCHEMA, ["offset"]) for one in batch["offset"]]
    assert [one.as_py() for one in offsets] == list(range(7, 21))


async def test_whoever_opens_after_what_was_listed_before_reads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log(tmp_path, {0: bets(30)})
    listed: list[object] = []

    def list_then_compact(*arguments: Any) -> object:
        listed.append(open_topic(*arguments))
        compact(tmp_path)
        return listed[-1]

    monkeypatch.setattr(tables, "open_topic", list_then_compact)
    assert read_once(tmp_path, INCOMING, SCHEMA)["offset"].to_pylist() == list(range(30))
    assert len(listed) == 2


async def test_a_reader_finds_all_of_a_date_at_any_moment(tmp_path: Path) -> None:
    for number in range(4):
        later = [changed(one, timestamp=one.timestamp + number * 86_400_000) for one in bets(5)]
        await log(tmp_path, {number: later}, rows=2)
    events, ended = 4 * 5, threading.Event()

    def read() -> set[int]:
        found = set()
        while not ended.is_set():
            found.add(len(read_once(tmp_path, INCOMING, SCHEMA, ["offset"])))
        return found

    with ThreadPoolExecutor() as pool:
        reader = pool.submit(read)
        compact(tmp_path)
        ended.set()
        assert reader.result() == {events}
