"""Keeps a consumer's fetches from being small, and from waiting for the wrong partitions.

A fetch of aiokafka leaves out the partitions whose records are not taken yet, and nothing else is
asked of that broker until it answers: up to `fetch_max_wait_ms`, where the others are silent. So
the next fetch waits until all is taken. It also waits a moment after the last one: a source that
sends its records one by one would be answered one by one. Only where a poll leaves records behind
are there enough to fetch ahead. And a fetch is by topic id (`topic_ids`), of the partitions alone
whose position is known.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from pipeline.kafka.topic_ids import FetchById

_APART_SECONDS = 0.005

AT_ONCE = {"fetch_min_bytes": 1, "fetch_max_wait_ms": 100}
"""Read what there is as soon as there is something: the next stage waits for it."""

IN_BULK = {"fetch_min_bytes": 2**20, "fetch_max_wait_ms": 500}
"""Let the broker gather for half a second: fewer and larger polls, for whom nobody waits."""


class Fetching:
    """What a started consumer fetches; `read` is the partitions whose records will be taken.

    `topic_ids` maps names to the ids that hold for the consumer's whole life.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        read: Container[TopicPartition],
        topic_ids: Mapping[str, str],
    ) -> None:
        self.is_outdated = False
        """Whether a topic was found to have another id, or none, by now."""
        self._read = read
        self._topic_ids = topic_ids
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
        eager, resets, timeout, *others = self._actions(assignment)
        fetches = [(node, by_id) for node, fetch in eager if (by_id := self._by_id(fetch))]
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

    def _by_id(self, fetch: FetchRequest) -> FetchById | None:
        every = [(topic, self._positioned(topic, parts)) for topic, parts in fetch.topics]
        topics = [(topic, partitions) for topic, partitions in every if partitions]
        return FetchById(fetch, topics, self._topic_ids, self._outdated) if topics else None

    def _positioned(
        self, topic: str, partitions: Iterable[tuple[int, int, int]]
    ) -> list[tuple[int, int, int]]:
        return [one for one in partitions if TopicPartition(topic, one[0]) in self._read]

    def _outdated(self) -> None:
        self.is_outdated = True
