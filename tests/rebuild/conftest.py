"""A real Redis, and a cluster, as the store's own tests have them; and processes."""

from __future__ import annotations

from tests.pipeline.conftest import cluster_url, real_server, redis_settings
from tests.support.worker_fixtures import world

__all__ = ["cluster_url", "real_server", "redis_settings", "world"]
