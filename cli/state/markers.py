"""What the markers in Redis say: how far each stateful stage has applied each partition."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pipeline.keys import FEATURES, SCORES, Keys
from pipeline.marker import Marker
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.store import Store

KINDS = {"stream_features": FEATURES, "serving": SCORES}
"""The stages that keep a marker, and under which kind of key."""

Markers = Mapping[str, Mapping[int, Marker]]
"""Stage -> partition -> its marker, where there is one."""


def read_markers(settings: Settings) -> Markers:
    """All markers of the use case. Raises InfrastructureError. Blocks; needs no event loop."""
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> Markers:
    client = connect(settings.redis)
    try:
        return {
            stage: await _of_stage(Store(client, Keys(settings.use_case, kind), ()), settings)
            for stage, kind in KINDS.items()
        }
    finally:
        await client.aclose()


async def _of_stage(store: Store, settings: Settings) -> dict[int, Marker]:
    """One after the other: side by side each would open a connection of its own."""
    found = {number: await store.marker(number) for number in range(settings.partitions)}
    return {number: marker for number, marker in found.items() if marker is not None}
