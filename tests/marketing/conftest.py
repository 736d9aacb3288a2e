"""Workers as processes, on a use case of each test's own."""

from tests.support.worker_fixtures import world

__all__ = ["world"]
