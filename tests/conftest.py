"""What tests share: a real Kafka and a real Redis, each started once per run of pytest."""

from __future__ import annotations

import os
import re
import uuid
from typing import TYPE_CHECKING

import pytest
from redis import Redis

import embedded.kafka
from embedded.cache import default_cache
from embedded.install import install
from embedded.kafka import Detour, start_kafka
from embedded.ports import free_port
from embedded.redis import start_redis
from embedded.software import Software

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGIN = """\
listener.name.detour.sasl.enabled.mechanisms=PLAIN
listener.name.detour.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_user="password";
"""


@pytest.fixture(scope="session")
def software() -> Software:
    return install(default_cache(os.environ), print)


@pytest.fixture(scope="session")
def kafka_by_login() -> str:
    """Where the broker of `kafka` also listens, for whoever logs in as `user` with `password`."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="session")
def kafka(
    software: Software, kafka_by_login: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The bootstrap servers of a running broker; topics are not created by themselves."""
    home = tmp_path_factory.mktemp("kafka")
    port = int(kafka_by_login.rpartition(":")[2])
    with pytest.MonkeyPatch.context() as patch:
        config = embedded.kafka.CONFIG.replace("DETOUR:PLAINTEXT", "DETOUR:SASL_PLAINTEXT")
        patch.setattr(embedded.kafka, "CONFIG", config + LOGIN)
        server = start_kafka(software, home, home / "kafka.log", detour=Detour(port, port))
    try:
        server.wait_until_ready()
        yield server.address
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_url(software: Software, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running Redis, shared by all tests: use own keys, or `clean_redis`."""
    home = tmp_path_factory.mktemp("redis")
    server = start_redis(software.redis_server, home, home / "redis.log")
    try:
        server.wait_until_ready()
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def clean_redis(redis_url: str) -> str:
    """The same Redis, empty when the test begins."""
    with Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """A beginning for names of topics, groups and keys that no other test uses."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())
    return f"{test[:80]}-{uuid.uuid4().hex[:8]}-"
