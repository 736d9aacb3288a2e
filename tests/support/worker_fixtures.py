"""The fixture of tests that run workers as processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kafka import Cluster
from tests.support.processes import World


@pytest.fixture
def world(kafka: str, redis_url: str, topic_prefix: str, tmp_path: Path) -> World:
    """A use case of the test's own, its topics made."""
    found = World(topic_prefix.rstrip("-")[-100:], Cluster(kafka), redis_url, tmp_path)
    found.create_topics()
    return found
