"""Sends a phase's records from a thread, while the main thread keeps the workers running."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from generator.kafka_sink import kafka_sink
from generator.pace import Pace
from generator.service import generate
from pipeline.declaration import UseCase
from pipeline.settings import KafkaSettings
from pipeline.topics import Topics
from pipeline.world import SourceRecord

_JOIN_SECONDS = 5.0


class Sending:
    """A context manager: records go out inside it; leaving it early stops them."""

    def __init__(
        self, settings: KafkaSettings, case: UseCase, records: Iterator[SourceRecord], pace: Pace
    ) -> None:
        self.sent = 0
        self._settings = settings
        self._case = case
        self._records = records
        self._pace = pace
        self._error: BaseException | None = None
        self._started = threading.Event()
        self._cancel: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="sending", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what is still going out; waits a few seconds for it at most."""
        with contextlib.suppress(RuntimeError):  # its loop has ended by itself
            self._cancel()
        self._thread.join(_JOIN_SECONDS)

    def is_done(self) -> bool:
        """Whether all records are acknowledged. Raises what sending has raised."""
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._error = error

    async def _send(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            loop = asyncio.get_running_loop()
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        self._started.set()
        topic, most = Topics.of(self._case).generated, self._case.events_at_once
        async with kafka_sink(self._settings, topic, most) as sink:
            await generate(self._records, sink, self._pace, self._told)

    def _told(self, sent: int) -> None:
        self.sent = sent
