"""The edge to the source topic: what comes in at once goes out in one delivery."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from pipeline.kafka.admin import Admin
from pipeline.kafka.outputs import Outputs
from pipeline.partitioner import partition_of
from pipeline.records import Deliveries, OutRecord, Target
from pipeline.settings import KafkaSettings

Count = Callable[[], Awaitable[int]]
"""Tells how many partitions the topic has. Raises InfrastructureError, and Refusal without one."""

_Waiting = tuple[Sequence[OutRecord], "asyncio.Future[None]"]


class Delivering(Protocol):
    """What is asked of `pipeline.kafka.outputs.Outputs`."""

    async def deliver(self, deliveries: Deliveries) -> None:
        """Return when all is acknowledged."""
        ...

    async def close(self) -> None:
        """Let go of the producer."""
        ...


class SourceTopic:
    """Writes events; one delivery is under way at a time, and those that come meanwhile wait."""

    def __init__(self, outputs: Delivering, topic: str, count: Count) -> None:
        self._outputs = outputs
        self._topic = topic
        self._count = count
        self._waiting: list[_Waiting] = []
        self._sending: asyncio.Task[None] | None = None
        self._partitions: int | None = None

    @classmethod
    def on(cls, settings: KafkaSettings, topic: str) -> SourceTopic:
        """Connects with the first record."""
        return cls(
            Outputs(settings), topic, partial(asyncio.to_thread, _partitions, settings, topic)
        )

    async def send(self, records: Sequence[OutRecord]) -> None:
        """Return when all are acknowledged, in their order for each key.

        Raises InfrastructureError, after which some may have been stored, and a caller that gives
        up meanwhile stops nothing: whoever sends the same records again must be known by their ids.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_waiting())
        await done

    async def close(self) -> None:
        """Finish what is under way, and let go of the producer."""
        if self._sending is not None:
            await self._sending
        await self._outputs.close()

    async def _send_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            error = await self._failure(group)
            for _, done in group:
                if done.done():  # its caller has given up
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    async def _failure(self, group: Sequence[_Waiting]) -> Exception | None:
        try:
            if self._partitions is None:
                self._partitions = await self._count()
            deliveries: dict[Target, list[OutRecord]] = defaultdict(list)
            for records, _ in group:
                for record in records:
                    target = Target(self._topic, partition_of(record.key or b"", self._partitions))
                    deliveries[target].append(record)
            await self._outputs.deliver(deliveries)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            return error
        return None


def _partitions(settings: KafkaSettings, topic: str) -> int:
    with Admin.connect(settings) as admin:
        return admin.count(topic)
