"""The embedded Redis is durable, has a password, and is a current one."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import AuthenticationError

from embedded.ports import free_port
from embedded.redis import start_redis
from embedded.redis_binary import bundled_redis, find_redis, is_mended, version_line
from embedded.redis_cluster import redis_cluster
from embedded.server import Server
from pipeline.errors import Refusal


@pytest.fixture(scope="session")
def bundled() -> Path:
    """The binary of the package, also where another Redis is installed."""
    return bundled_redis()


@pytest.fixture
def server(bundled: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    server = start_redis(bundled, tmp_path, tmp_path / "redis.log")
    server.wait_until_ready()
    yield server
    server.stop()


def test_values_are_there_after_a_stop_and_a_start(bundled: Path, tmp_path: Path) -> None:
    first = start_redis(bundled, tmp_path, tmp_path / "redis.log")
    first.wait_until_ready()
    with Redis.from_url(first.url) as client:
        client.set("k", "kept")
    first.stop()
    port = int(first.address.rpartition(":")[2])
    second = start_redis(bundled, tmp_path, tmp_path / "redis.log", port=port)
    second.wait_until_ready()
    with Redis.from_url(second.url) as client:
        assert client.get("k") == b"kept"
    second.stop()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction")],
)
def test_it_loses_at_most_a_second_and_evicts_nothing(
    redis_url: str, setting: str, value: str
) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.config_get(setting) == {setting: value}


def test_who_does_not_know_the_password_is_not_let_in(server: Server) -> None:
    with (
        Redis.from_url(f"redis://{server.address}") as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.ping()


def test_the_password_is_in_one_file_of_its_owner_s_and_in_no_process_list_or_log(
    server: Server, tmp_path: Path
) -> None:
    password = urlsplit(server.url).password or ""
    holding = [p for p in tmp_path.rglob("*") if p.is_file() and password in p.read_text("latin-1")]
    assert len(password) == 48
    assert [(p.name, stat.S_IMODE(p.stat().st_mode)) for p in holding] == [("password.conf", 0o600)]
    assert password not in Path(f"/proc/{server.process.pid}/cmdline").read_text()
    assert password not in repr(server)


def test_each_directory_has_a_password_of_its_own(bundled: Path, tmp_path: Path) -> None:
    urls = set()
    for name in ("a", "b", "a"):
        server = start_redis(bundled, tmp_path / name, tmp_path / "redis.log", port=free_port())
        urls.add(urlsplit(server.url).password)
        server.stop()
    assert len(urls) == 2


def test_a_password_file_that_is_not_ours_is_refused(bundled: Path, tmp_path: Path) -> None:
    (tmp_path / "password.conf").write_text("requirepass x y\n")
    with pytest.raises(Refusal, match="holds no password of ours"):
        start_redis(bundled, tmp_path, tmp_path / "redis.log")


def test_the_bundled_server_is_free_of_the_holes_that_are_known(bundled: Path) -> None:
    assert is_mended(version_line(bundled))


@pytest.mark.parametrize(
    ("says", "mended"),
    [
        ("Redis server v=6.2.14 sha=0:0", False),
        ("Redis server v=7.0.15 sha=0:0", False),
        ("Redis server v=7.2.10 sha=0:0", False),
        ("Redis server v=7.2.11 sha=0:0", True),
        ("Redis server v=7.4.5 sha=0:0", False),
        ("Redis server v=7.4.10 sha=0:0", True),
        ("Redis server v=8.2.1 sha=0:0", False),
        ("Redis server v=8.4.0 sha=0:0", True),
        ("Redis server v=10.0.0 sha=0:0", True),
        ("Valkey server v=8.0.5 sha=0:0", False),
        ("Valkey server v=8.1.4 sha=0:0", True),
        ("Valkey server v=9.0.0 sha=0:0", True),
        ("Dragonfly v=9.0.0", False),
        ("", False),
    ],
)
def test_a_server_with_known_holes_is_told_by_its_version(says: str, *, mended: bool) -> None:
    assert is_mended(says) is mended


def install(folder: Path, name: str, says: str) -> Path:
    """A program that says this of its version."""
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


def test_an_installed_server_without_known_holes_is_preferred_to_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "redis-server", "Redis server v=7.0.15 sha=0:0")
    current = install(tmp_path, "valkey-server", "Valkey server v=9.1.2 sha=0:0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis() == current


def test_an_installed_server_with_known_holes_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: Path
) -> None:
    install(tmp_path, "redis-server", "Redis server v=6.2.14 sha=0:0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis() == bundled


def test_without_any_server_that_may_be_used_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("embedded.redis_binary.platform.machine", lambda: "riscv64")
    with pytest.raises(Refusal, match=r"feature-stream\[embedded\]"):
        find_redis()


def test_three_masters_form_a_cluster_that_takes_writes(bundled: Path, tmp_path: Path) -> None:
    with (
        redis_cluster(bundled, tmp_path) as nodes,
        RedisCluster.from_url(nodes[0].url) as client,
    ):
        for number in range(30):
            client.set(f"key-{number}", number)
        assert [_keys(node) > 0 for node in nodes] == [True, True, True]


def _keys(server: Server) -> int:
    with Redis.from_url(server.url) as node:
        return int(node.dbsize())
