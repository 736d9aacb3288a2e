"""When what is held becomes a file: by time, by what the partition gets, and when asked for."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from inference_logger.held import SOON, WORTH_A_FILE
from pipeline.parquet.files import ask_for_files
from pipeline.settings import LoggerSettings
from tests.inference_logger.rig import INCOMING, Rig, bets, files_of, offsets_of


async def test_a_quiet_topic_is_logged_when_its_time_has_come(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(1)}, limits=LoggerSettings(seconds=5))
    await rig.step()
    await rig.wait(4.9)
    assert offsets_of(tmp_path) == []
    await rig.wait(0.1)
    assert offsets_of(tmp_path) == [0]


async def test_the_first_file_of_a_partition_comes_soon(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(1)}, limits=LoggerSettings())
    await rig.step()
    await rig.wait(SOON)
    assert offsets_of(tmp_path) == [0]


async def test_a_partition_with_little_waits_longer_from_file_to_file_up_to_the_limit(
    tmp_path: Path,
) -> None:
    rig = Rig.on(tmp_path, {0: bets(3_600)}, limits=LoggerSettings(seconds=60), most=1)
    for _ in range(3_600):
        await rig.step()
        await rig.wait(1)
    rows = [pq.ParquetFile(path).metadata.num_rows for path in files_of(tmp_path)]
    assert rows[:6] == [5, 10, 20, 40, 60, 60]
    assert max(rows) == 60


async def test_a_partition_with_enough_for_a_file_does_not_wait(tmp_path: Path) -> None:
    log = {0: bets(3 * WORTH_A_FILE)}
    rig = Rig.on(tmp_path, log, limits=LoggerSettings(), most=WORTH_A_FILE // 10)
    for _ in range(30):
        await rig.step()
        await rig.wait(1)
    rows = [pq.ParquetFile(path).metadata.num_rows for path in files_of(tmp_path)]
    assert rows == [5_000, 10_000, 10_000]


async def test_who_waits_for_the_log_may_ask_for_it(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(1), 1: bets(1, 1)})
    await rig.step()
    await rig.wait(SOON - 2)
    assert files_of(tmp_path) == []
    ask_for_files(tmp_path / INCOMING)
    await rig.wait(1)
    assert (offsets_of(tmp_path, 0), offsets_of(tmp_path, 1)) == ([0], [0])


async def test_files_are_asked_for_once_and_not_for_ever(tmp_path: Path) -> None:
    rig = Rig.on(tmp_path, {0: bets(2)}, most=1)
    await rig.step()
    ask_for_files(tmp_path / INCOMING)
    await rig.wait(1)
    await rig.step()
    await rig.wait(SOON - 2)
    assert offsets_of(tmp_path) == [0]


async def test_files_are_cut_before_too_many_bytes_are_held(tmp_path: Path) -> None:
    limits = LoggerSettings(rows=10**9, bytes=100_000, seconds=10**9)
    rig = Rig.on(tmp_path, {0: bets(1_024), 1: bets(20, 1)}, limits=limits, most=2_000)
    await rig.step()
    assert offsets_of(tmp_path, 0) == list(range(1_024))
    assert offsets_of(tmp_path, 1) == []
