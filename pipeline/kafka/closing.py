"""Letting go of aiokafka's clients, whose `stop` may hang, and may raise what it cancels itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiokafka.errors import KafkaError

from pipeline.logs import log


async def close_within(seconds: float, stop: Coroutine[Any, Any, None], what: str) -> None:
    """Run a client's `stop`, but wait no longer than that; what Kafka says meanwhile is logged."""
    task = asyncio.ensure_future(stop)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        hangs = task.cancel()
    if hangs:
        log.warning("did not close in time", client=what)
    elif not task.cancelled() and (error := task.exception()) is not None:
        if not isinstance(error, KafkaError):
            raise error
        log.warning("closed with an error", client=what, error=repr(error))
