"""A real mail server, and workers as processes on a use case of each test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.marketing.mailing.inbox import Inbox, receiving
from tests.support.worker_fixtures import world

__all__ = ["inbox", "world"]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """What the mail server has received; it runs until the test ends."""
    with receiving() as found:
        yield found
