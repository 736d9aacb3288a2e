from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from inference_logger import files, place
from inference_logger.files import LogFiles
from pipeline import disk
from pipeline.errors import InfrastructureError, Refusal
from pipeline.faults import FaultPoints
from pipeline.settings import LoggerSettings
from tests.inference_logger.rig import INCOMING, Rig, bets, files_of, offsets_of

TEN_ROWS = LoggerSettings(rows=10)


def position_of(root: Path, partition: int = 0) -> int | None:
    log = LogFiles(root, "another", FaultPoints())
    log.prepare([INCOMING])
    found = log.position(INCOMING, partition)
    return None if found is None else found.next_offset


def note_of(root: Path) -> Path:
    return root / INCOMING / "_positions" / "0.json"


def archive(root: Path) -> None:
    for directory in (root / INCOMING).glob("date=*"):
        shutil.rmtree(directory)


async def test_an_empty_directory_has_no_position(tmp_path: Path) -> None:
    assert position_of(tmp_path) is None


async def test_the_position_outlives_archived_files(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(25)}, limits=TEN_ROWS).run()
    archive(tmp_path)
    assert position_of(tmp_path) == 25


async def test_without_a_position_file_the_last_footer_says_it(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {1: bets(15, 1), 10: bets(25, 10)}, limits=TEN_ROWS).run()
    for note in note_of(tmp_path).parent.iterdir():
        note.unlink()
    assert position_of(tmp_path, 1) == 15


async def test_the_higher_of_position_file_and_last_footer_wins(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}, limits=TEN_ROWS).run()
    older = note_of(tmp_path).read_bytes()
    await Rig.on(tmp_path, {0: bets(25)}, limits=TEN_ROWS).run()
    note_of(tmp_path).write_bytes(older)
    assert position_of(tmp_path) == 25


async def test_replays_are_known_from_the_position_file_alone(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}).run()
    archive(tmp_path)
    log = LogFiles(tmp_path, "one", FaultPoints())
    found = log.position(INCOMING, 0)
    assert found is not None
    assert [*found.origins[""].places.values()] == [(0, 9, 0)]


async def test_a_damaged_position_file_is_refused(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}).run()
    note_of(tmp_path).write_text("{")
    with pytest.raises(Refusal, match="damaged"):
        position_of(tmp_path)


async def test_a_damaged_last_file_is_refused(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}).run()
    files_of(tmp_path)[0].write_bytes(b"PAR1 torn PAR1")
    with pytest.raises(Refusal, match="footer"):
        position_of(tmp_path)


async def test_a_stalled_worker_does_not_take_the_name_of_an_archived_file(tmp_path: Path) -> None:
    stalled = Rig.on(tmp_path, {0: bets(10)}, instance="stalled")
    await stalled.step()
    await Rig.on(tmp_path, {0: bets(10)}).run()
    archive(tmp_path)
    await stalled.stage.close()
    assert files_of(tmp_path) == []


async def test_a_link_whose_answer_was_lost_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)})
    link = os.link

    def link_but_say_it_was_there(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError(errno.EEXIST, "exists")

    monkeypatch.setattr(os, "link", link_but_say_it_was_there)
    await rig.run()
    assert position_of(tmp_path) == 10
    assert rig.feed.unconfirmed == []


async def test_a_failure_after_the_name_was_given_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)}, limits=TEN_ROWS)
    batches = await rig.feed.poll(rig.stage)

    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(files, "sync_directory", fail)
        with pytest.raises(InfrastructureError, match="input/output error"):
            await rig.stage.process(batches)
    await rig.stage.process(batches)
    await rig.run()
    assert offsets_of(tmp_path) == list(range(10))


async def test_names_are_made_durable_before_the_position_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig.on(tmp_path, {0: bets(10)})
    noted_at_sync: list[tuple[str, bool]] = []

    def watched(path: Path) -> None:
        noted_at_sync.append((path.name, note_of(tmp_path).exists()))

    monkeypatch.setattr(files, "sync_directory", watched)
    monkeypatch.setattr(disk, "sync_directory", watched)
    await rig.run()
    assert noted_at_sync == [(INCOMING, False), ("date=2025-06-01", False)]


def leave(root: Path, name: str) -> Path:
    path = root / INCOMING / "_temporary" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"unfinished")
    return path


def test_unfinished_files_of_this_instance_are_swept_at_start(tmp_path: Path) -> None:
    mine = leave(tmp_path, "3,worker-1,abcd.parquet")
    LogFiles(tmp_path, "worker-1", FaultPoints()).prepare([INCOMING])
    assert not mine.exists()


def test_unfinished_files_of_other_instances_are_left_alone(tmp_path: Path) -> None:
    others = [leave(tmp_path, f"3,{name},abcd.parquet") for name in ("worker-11", "1", "-1")]
    LogFiles(tmp_path, "worker-1", FaultPoints()).prepare([INCOMING])
    assert all(path.exists() for path in others)


def test_an_instance_may_have_any_name(tmp_path: Path) -> None:
    mine = leave(tmp_path, "3,a%2Cb%2Fc,abcd.parquet")
    LogFiles(tmp_path, "a,b/c", FaultPoints()).prepare([INCOMING])
    assert not mine.exists()


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "this file system has no links")

    monkeypatch.setattr(os, "link", refuse)


async def test_without_links_a_rename_that_does_not_replace_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_links(monkeypatch)
    late = Rig.on(tmp_path, {0: bets(10)}, instance="two")
    await late.step()
    note = Rig.on(tmp_path, {0: bets(4)})
    await note.run()
    note_of(tmp_path).unlink()  # so that the name alone fences
    await late.stage.close()
    assert offsets_of(tmp_path) == [0, 1, 2, 3]
    await late.run()
    assert offsets_of(tmp_path) == list(range(10))


def test_a_file_system_with_neither_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_links(monkeypatch)
    monkeypatch.setattr(files, "by_rename", os.link)
    with pytest.raises(Refusal, match="PIPELINE_DATA"):
        LogFiles(tmp_path, "one", FaultPoints()).prepare([INCOMING])


def test_a_place_that_replaces_is_found_out(tmp_path: Path) -> None:
    assert not place.works(os.replace, tmp_path / "from", tmp_path / "to")
    assert place.works(place.by_link, tmp_path / "from", tmp_path / "to")
    assert place.works(place.by_rename, tmp_path / "from", tmp_path / "to")


def test_a_full_disk_at_start_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(InfrastructureError, match="no space left"):
        LogFiles(tmp_path, "one", FaultPoints()).prepare([INCOMING])
