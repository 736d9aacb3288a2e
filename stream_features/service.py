"""The Faust application: a feed puts polls on a channel, and an agent brings them to their effects.

Faust's own consumer and producer stay off: an agent that raises would lose what it had taken. Here
an unknown error ends the process, and the records are read again from the marker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import faust
from faust.app.base import BootStrategy
from mode import CrashingSupervisor

from pipeline.health import Health
from pipeline.kafka.feed import Batch, Feed
from pipeline.worker import Stage, Stopping, close, process, show_lag

_CRASH_CHECK_SECONDS = 0.1


class _WithoutKafka(BootStrategy):
    """Agents and channels only: Kafka is read by the feed, and no web server listens."""

    enable_kafka = False
    enable_web = False


class _WithoutTables(faust.App):
    """Faust makes directories for its tables when it starts; here are none."""

    async def on_first_start(self) -> None:
        """Nothing."""


class FeatureApp:
    """Runs one stage on one feed as a Faust agent."""

    def __init__(self, name: str, stage: Stage, feed: Feed, health: Health) -> None:
        self._stage = stage
        self._feed = feed
        self._health = health
        self._app = _WithoutTables(name, web_enabled=False)
        self._app.boot_strategy = _WithoutKafka(self._app)
        self._channel = self._app.channel(maxsize=1)
        self._idle = asyncio.Event()
        self._idle.set()
        self._wanted = asyncio.Event()
        self._wanted.set()

    async def run(self, stopping: Stopping) -> None:
        """Run until `stopping`, then finish the batch at hand; errors but outages come out."""
        self._app.agent(
            self._channel, name=f"{self._stage.name}.fold", supervisor_strategy=CrashingSupervisor
        )(self._agent(stopping))
        await self._app.start()
        self._app.flow_control.resume()
        feeding = asyncio.create_task(self._put_polls(stopping))
        try:
            await self._until_end(feeding, stopping)
        finally:
            await self._end(feeding)

    def _agent(self, stopping: Stopping) -> Any:
        async def fold(polls: Any) -> None:
            async for batches in polls:
                if not stopping:  # else what was polled before is left for the next start
                    await asyncio.shield(self._process(batches, stopping))
                self._wanted.set()

        return fold

    async def _process(self, batches: Sequence[Batch], stopping: Stopping) -> None:
        self._idle.clear()
        try:
            await process(self._stage, batches, self._health, stopping)
            show_lag(self._stage.name, self._feed)
        finally:
            self._idle.set()

    async def _put_polls(self, stopping: Stopping) -> None:
        """Poll when the agent is ready, not ahead: what comes meanwhile is one batch, not three."""
        while not stopping:
            await self._wanted.wait()
            self._wanted.clear()
            polls: Any = await self._feed.poll()
            await self._channel.put(polls)

    async def _until_end(self, feeding: asyncio.Task[None], stopping: Stopping) -> None:
        while not stopping and not feeding.done():
            if self._app.crash_reason is not None:
                raise self._app.crash_reason
            await stopping.pause(_CRASH_CHECK_SECONDS)
        if feeding.done():
            feeding.result()

    async def _end(self, feeding: asyncio.Task[None]) -> None:
        feeding.cancel()
        await self._idle.wait()
        await self._app.stop()
        await close(self._stage, self._feed)
