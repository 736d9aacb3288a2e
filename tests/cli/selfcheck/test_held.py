from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cli.selfcheck.held import Held, differences, read_held
from embedded.redis_cluster import redis_cluster
from embedded.software import Software
from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.marker import Marker
from pipeline.origin import Highest
from pipeline.settings import KafkaSettings, RedisSettings, Settings
from pipeline.store.client import connect
from pipeline.store.store import Store

PARTITIONS = 3


@pytest.fixture(scope="module")
def cluster(software: Software, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_cluster(software.redis_server, tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes[0].url


def settings_of(redis: RedisSettings) -> Settings:
    return Settings(KafkaSettings("nowhere:9092"), redis, partitions=PARTITIONS)


async def fill(settings: Settings, kind: str, users: int) -> None:
    """Write so many users to each partition but the last one."""
    client = connect(settings.redis)
    store = Store(client, Keys(settings.use_case, kind), ("name",))
    for number in range(PARTITIONS - 1):
        marker = Marker.first("topic", f"generation-{number}", "fingerprint")
        names = [f"user: {number} {user}" for user in range(users)]
        written = marker.at(7, Highest(), {})
        assert not await store.write(number, None, written, {name: [name] for name in names})
    await client.aclose()


def expected(users: int) -> dict[tuple[int, str], dict[bytes, bytes]]:
    return {
        (number, f"user: {number} {user}"): {b"name": f"user: {number} {user}".encode()}
        for number in range(PARTITIONS - 1)
        for user in range(users)
    }


def check_reading(settings: Settings) -> None:
    """Everything of its kind is read, in more than one step."""
    asyncio.run(fill(settings, FEATURES, 700))
    asyncio.run(fill(settings, SCORES, 1))
    held = read_held(settings, FEATURES)
    assert held.entities == expected(700)
    assert {number: marker.offset for number, marker in held.markers.items()} == {0: 7, 1: 7}
    assert read_held(settings, SCORES).entities == expected(1)


def test_every_entity_and_marker_of_one_server_is_read(clean_redis: str) -> None:
    check_reading(settings_of(RedisSettings(clean_redis)))


def test_every_entity_and_marker_of_a_cluster_is_read(cluster: str) -> None:
    check_reading(settings_of(RedisSettings(cluster, cluster=True)))


def test_an_empty_redis_holds_nothing(clean_redis: str) -> None:
    assert read_held(settings_of(RedisSettings(clean_redis)), FEATURES) == Held({}, {})


def test_each_difference_is_told_once() -> None:
    wanted = {(0, "same"): {b"a": b"1"}, (0, "other"): {b"a": b"1", b"b": b"2"}, (1, "gone"): {}}
    found = {(0, "same"): {b"a": b"1"}, (0, "other"): {b"a": b"9", b"b": b"9"}, (2, "new"): {}}
    assert differences(wanted, Held({}, found)) == [
        "gone on partition 1 is not in Redis",
        "new on partition 2 is in Redis only",
        "other on partition 0: a is b'9', not b'1'",
    ]
