"""The same tests on the fake store, on one Redis, and on a cluster; and a topic to be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from embedded.redis_cluster import redis_cluster
from embedded.software import Software
from pipeline.kafka.admin import Admin
from pipeline.settings import KafkaSettings, RedisSettings
from tests.support.feeding import Make, Reading
from tests.support.kafka import Cluster
from tests.support.stores import FakeServer, RedisServer, Server


@pytest.fixture(scope="session")
def cluster_url(software: Software, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one of three masters that share out all slots."""
    with redis_cluster(software.redis_server, tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes[0].url


@pytest.fixture(params=["redis", "cluster"])
def redis_settings(request: pytest.FixtureRequest) -> RedisSettings:
    """How to reach a real Redis."""
    if request.param == "cluster":
        return RedisSettings(request.getfixturevalue("cluster_url"), cluster=True)
    return RedisSettings(request.getfixturevalue("redis_url"))


@pytest.fixture
async def real_server(redis_settings: RedisSettings) -> AsyncIterator[RedisServer]:
    """A real Redis, empty when the test begins."""
    server = RedisServer(redis_settings)
    await server.clear()
    yield server
    await server.close()


@pytest.fixture(params=["fake", "redis", "cluster"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Any Redis that keeps the store's contract, empty when the test begins."""
    found: Server = FakeServer()
    if request.param == "redis":
        found = RedisServer(RedisSettings(request.getfixturevalue("redis_url")))
    elif request.param == "cluster":
        url = request.getfixturevalue("cluster_url")
        found = RedisServer(RedisSettings(url, cluster=True))
    await found.clear()
    yield found
    await found.close()


@pytest.fixture
def reading(kafka: str, topic_prefix: str) -> Make:
    """A new topic of so many partitions."""

    def make(partitions: int) -> Reading:
        cluster = Cluster(kafka)
        topic = cluster.create(f"{topic_prefix}t", partitions)
        with Admin.connect(KafkaSettings(kafka)) as admin:
            topic_id = admin.topic_ids((topic,))[topic]
        return Reading(cluster, topic, topic_id, f"{topic_prefix}group")

    return make
