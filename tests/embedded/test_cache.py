"""An entry of the cache is whole or absent, whoever else writes it and whatever goes wrong."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from embedded.cache import cached, default_cache
from embedded.checksum import sha256, verify
from embedded.kafka_jars import LOCK, VERSION, read_lock
from pipeline.errors import Refusal

FORK = multiprocessing.get_context("spawn")


def write_slowly(directory: Path) -> None:
    """Write two files that belong together; what another fill left would be seen."""
    if list(directory.iterdir()):
        raise AssertionError("the directory was not new")
    (directory / "first").write_text("1")
    with (directory.parent / "fills").open("a") as fills:
        fills.write("x")
    (directory / "second").write_bytes(b"2" * 10_000_000)


def fetch(cache: Path) -> list[str]:
    return sorted(path.name for path in cached(cache, "entry", write_slowly).iterdir())


def test_of_several_processes_at_once_one_fills_and_all_see_the_whole_entry(tmp_path: Path) -> None:
    with FORK.Pool(4) as pool:
        seen = pool.map(fetch, [tmp_path] * 4, chunksize=1)
    assert seen == [["first", "second"]] * 4
    assert (tmp_path / "fills").read_text() == "x"


def test_an_interrupted_fill_leaves_no_entry(tmp_path: Path) -> None:
    def interrupted(directory: Path) -> None:
        (directory / "first").write_text("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, "entry", interrupted)
    assert [path.name for path in tmp_path.iterdir()] == [".entry.lock"]


def test_an_entry_appears_at_once_by_a_rename_and_not_file_by_file(tmp_path: Path) -> None:
    filled: list[int] = []
    entry = cached(tmp_path, "entry", lambda directory: filled.append(directory.stat().st_ino))
    assert filled == [entry.stat().st_ino]


def test_what_a_killed_fill_left_behind_is_not_taken_for_an_entry(tmp_path: Path) -> None:
    (tmp_path / ".entry.partial").mkdir()
    (tmp_path / ".entry.partial" / "first").write_text("torn")
    assert fetch(tmp_path) == ["first", "second"]


def test_a_cached_entry_is_not_filled_again(tmp_path: Path) -> None:
    fetch(tmp_path)
    fetch(tmp_path)
    assert (tmp_path / "fills").read_text() == "x"


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match=r"cannot be written \(Not a directory\)"):
        cached(tmp_path / "file" / "cache", "entry", write_slowly)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PIPELINE_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, Path("/c")),
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/feature-stream")),
        ({}, Path.home() / ".cache/feature-stream"),
    ],
)
def test_the_cache_is_outside_the_checkout(environ: dict[str, str], expected: Path) -> None:
    assert default_cache(environ) == expected


def test_a_download_that_is_not_the_pinned_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jar"
    path.write_bytes(b"not a jar")
    verify(path, sha256(path))
    with pytest.raises(Refusal, match=r"a\.jar is not the file that was pinned"):
        verify(path, "0" * 64)


def test_every_jar_of_kafka_is_pinned_once() -> None:
    pins = read_lock(LOCK)
    assert f"org.apache.kafka:kafka_2.13:{VERSION}" in [pin.coordinate for pin in pins]
    assert len({pin.coordinate.rpartition(":")[0] for pin in pins}) == len(pins)
    assert all(len(pin.sha256) == 64 for pin in pins)


@pytest.mark.parametrize(
    ("jar", "mended"),
    [("at.yawk.lz4:lz4-java", (1, 10, 1)), ("commons-beanutils:commons-beanutils", (1, 11, 0))],
)
def test_no_jar_of_kafka_has_a_hole_that_is_known_here(jar: str, mended: tuple[int, ...]) -> None:
    """CVE-2025-12183 and CVE-2025-66566 of lz4-java, CVE-2025-48734 of commons-beanutils."""
    versions = dict(pin.coordinate.rsplit(":", 1) for pin in read_lock(LOCK))
    assert tuple(map(int, versions[jar].split("."))) >= mended
    assert "org.lz4:lz4-java" not in versions  # nobody keeps this one any more
