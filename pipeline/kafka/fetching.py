"""Keeps a consumer's fetches from being small, and from waiting for the wrong partitions.

A fetch of aiokafka leaves out the partitions whose records are not taken yet, and nothing else is
asked of that broker until it answers: up to `fetch_max_wait_ms`, where the others are silent. So
the next fetch waits until all is taken. It also waits a moment after the last one: a source that
sends its records one by one would be answered one by one. Only where a poll leaves records behind
are there enough to fetch ahead.
"""

from __future__ import annotations

import time
from collections.abc import Container
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

_APART_SECONDS = 0.005

AT_ONCE = {"fetch_min_bytes": 1, "fetch_max_wait_ms": 100}
"""Read what there is as soon as there is something: the next stage waits for it."""

IN_BULK = {"fetch_min_bytes": 2**20, "fetch_max_wait_ms": 500}
"""Let the broker gather for half a second: fewer and larger polls, for whom nobody waits."""


class Fetching:
    """What a started consumer fetches; `read` is the partitions whose records will be taken."""

    def __init__(self, consumer: AIOKafkaConsumer, read: Container[TopicPartition]) -> None:
        self._read = read
        self._fetcher = consumer._fetcher  # noqa: SLF001 - aiokafka has no setting for this
        self._actions = self._fetcher._get_actions_per_node  # noqa: SLF001 - as above
        self._fetcher._get_actions_per_node = self._less_eager  # noqa: SLF001 - as above
        self._is_behind = False
        self._fetched_at = 0.0

    def taken(self) -> None:
        """A poll took what it could."""
        self._is_behind = self._is_any_untaken()

    def _less_eager(self, assignment: Any) -> tuple[Any, ...]:
        """What aiokafka would do now, without the fetches that have to wait."""
        fetches, resets, timeout, *others = self._actions(assignment)
        now = time.monotonic()
        if fetches and not self._is_behind:
            pause = self._fetched_at + _APART_SECONDS - now
            if pause > 0:
                return ([], resets, min(timeout, pause), *others)
            if self._is_any_untaken():
                return ([], resets, timeout, *others)
        if fetches:
            self._fetched_at = now
        return (fetches, resets, timeout, *others)

    def _is_any_untaken(self) -> bool:
        return any(tp in self._read for tp in self._fetcher._records)  # noqa: SLF001 - as above
