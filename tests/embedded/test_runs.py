"""What a run holds is read from its files, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded.kafka import start_kafka
from embedded.runs import remove, runs_of, sweep
from embedded.software import Software
from embedded.stack import own
from pipeline.errors import Refusal
from pipeline.records import OutRecord
from tests.support.kafka import Cluster
from tests.support.segments import batch


def log(root: Path, topic: str) -> Path:
    directory = root / "run" / "kafka" / "data" / f"{topic}-0"
    directory.mkdir(parents=True)
    return directory


def records(root: Path) -> int:
    (run,) = runs_of(root)
    return run.records()


def test_records_are_those_of_all_partitions_but_kafkas_own(tmp_path: Path) -> None:
    (log(tmp_path, "a") / f"{0:020}.log").write_bytes(batch(0, 3) + batch(3, 4))
    (log(tmp_path, "b") / f"{0:020}.log").write_bytes(batch(0, 1))
    (log(tmp_path, "__consumer_offsets") / f"{0:020}.log").write_bytes(batch(0, 9))
    assert records(tmp_path) == 8


def test_files_that_kafka_has_deleted_count_no_more(tmp_path: Path) -> None:
    directory = log(tmp_path, "a")
    (directory / f"{100:020}.log").write_bytes(batch(100, 5))
    (directory / f"{105:020}.log").write_bytes(batch(105, 5))
    assert records(tmp_path) == 10


def test_an_empty_newest_file_is_no_end(tmp_path: Path) -> None:
    directory = log(tmp_path, "a")
    (directory / f"{0:020}.log").write_bytes(batch(0, 5))
    (directory / f"{5:020}.log").touch()
    assert records(tmp_path) == 5


@pytest.mark.parametrize("torn", [batch(5, 2)[:40], batch(5, 2)[:20], b"\0" * 64])
def test_what_a_killed_broker_left_half_written_is_passed_over(tmp_path: Path, torn: bytes) -> None:
    (log(tmp_path, "a") / f"{0:020}.log").write_bytes(batch(0, 5) + torn)
    assert records(tmp_path) == 5


def test_a_real_broker_writes_what_is_read(software: Software, tmp_path: Path) -> None:
    server = start_kafka(software, tmp_path / "run" / "kafka", tmp_path / "log")
    try:
        server.wait_until_ready()
        cluster = Cluster(server.address)
        cluster.create("a", partitions=2)
        for partition in (0, 1):
            cluster.append("a", partition, [OutRecord(None, b"x") for _ in range(125)])
        assert records(tmp_path) == 250
    finally:
        server.stop()
    assert records(tmp_path) == 250
    assert runs_of(tmp_path)[0].holds_data
    assert runs_of(tmp_path)[0].bytes() > 1_000


def test_a_run_that_is_removed_is_gone(tmp_path: Path) -> None:
    log(tmp_path, "a")
    remove(runs_of(tmp_path)[0])
    assert list(tmp_path.iterdir()) == []


def test_a_running_one_is_not_removed(tmp_path: Path) -> None:
    log(tmp_path, "a")
    (run,) = runs_of(tmp_path)
    with own(tmp_path / "run"), pytest.raises(Refusal, match="in use"):
        remove(run)
    assert run.directory.is_dir()


def test_a_removal_that_was_killed_is_no_run_and_is_finished_by_the_next(tmp_path: Path) -> None:
    log(tmp_path, "a")
    (tmp_path / "run").rename(tmp_path / ".removed-run")
    assert runs_of(tmp_path) == []
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []
