"""Has marketing begin at the end of the log, with nothing remembered of anyone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping

from marketing.core import STAGE
from marketing.remembering import FIELDS, KIND
from marketing.service import FINGERPRINT
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.kafka.admin import Admin
from pipeline.keys import Keys
from pipeline.marker import Marker
from pipeline.origin import Highest
from pipeline.settings import Settings
from pipeline.store.client import connect, translated
from pipeline.store.store import Store
from pipeline.topics import Topics, group_of


def begin(settings: Settings, case: UseCase) -> int:
    """Return how many scores are passed over in all. Raises Refusal while a worker runs. Blocks."""
    topic, group = Topics.of(case).inferences, group_of(case, STAGE)
    with Admin.connect(settings.kafka) as admin:
        admin.check({topic: 1}, settings.partitions)
        if admin.members((group,)):
            raise Refusal("a marketing worker runs", "Stop it; a killed one counts for 10 seconds")
        topic_id = admin.topic_ids((topic,))[topic]
        ends = admin.ends([(topic, number) for number in range(settings.partitions)])
    offsets = {number: end - 1 for (_, number), end in ends.items()}
    asyncio.run(_write(settings, case, topic_id, offsets))
    return sum(ends.values())


async def _write(
    settings: Settings, case: UseCase, topic_id: str, offsets: Mapping[int, int]
) -> None:
    client, keys = connect(settings.redis), Keys(case.name, KIND)
    store = Store(client, keys, FIELDS)
    try:
        for number, offset in offsets.items():
            generation = uuid.uuid4().hex[:8]
            first = Marker.first(topic_id, generation, FINGERPRINT, settings.partitions)
            await store.write(
                number, await store.marker(number), first.at(offset, Highest(), {}), {}
            )
        with translated("removing what was remembered"):
            async for key in client.scan_iter(match=keys.all_entities):
                await client.unlink(key)
    finally:
        await client.aclose()
