"""Has marketing begin at the end of what it reads, with nothing remembered of anyone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from marketing.core import STAGE as DECIDING
from marketing.mailing.core import KIND as MAILS
from marketing.mailing.core import STAGE as MAILING
from marketing.remembering import KIND as OFFERS
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
from pipeline.topics import Topics, group_of, offers_of


@dataclass(frozen=True, slots=True)
class _End:
    """The last offset of each partition of what a worker reads, which keeps keys of this kind."""

    kind: str
    topic_id: str
    offsets: Mapping[int, int]


def begin(settings: Settings, case: UseCase) -> int:
    """Return how many scores are passed over in all. Raises Refusal while a worker runs. Blocks."""
    scores, offers = Topics.of(case).inferences, offers_of(case)
    groups = tuple(group_of(case, stage) for stage in (DECIDING, MAILING))
    with Admin.connect(settings.kafka) as admin:
        admin.check({scores: 1}, settings.partitions)
        if admin.members(groups):
            raise Refusal("a marketing worker runs", "Stop it; a killed one counts for 10 seconds")
        ends = [_end(admin, OFFERS, scores)]
        if offers in admin.partitions((offers,)):
            ends.append(_end(admin, MAILS, offers))
    asyncio.run(_write(settings, case, ends))
    return sum(offset + 1 for offset in ends[0].offsets.values())


def _end(admin: Admin, kind: str, topic: str) -> _End:
    places = [(topic, number) for number in range(admin.partitions((topic,))[topic])]
    offsets = {number: end - 1 for (_, number), end in admin.ends(places).items()}
    return _End(kind, admin.topic_ids((topic,))[topic], offsets)


async def _write(settings: Settings, case: UseCase, ends: list[_End]) -> None:
    client = connect(settings.redis)
    try:
        for end in ends:
            keys = Keys(case.name, end.kind)
            store = Store(client, keys, ())
            for number, offset in end.offsets.items():
                marker = _first(end.topic_id, settings.partitions).at(offset, Highest(), {})
                await store.write(number, await store.marker(number), marker, {})
            with translated("removing what was remembered"):
                async for key in client.scan_iter(match=keys.all_entities):
                    await client.unlink(key)
    finally:
        await client.aclose()


def _first(topic_id: str, partitions: int) -> Marker:
    return Marker.first(topic_id, uuid.uuid4().hex[:8], FINGERPRINT, partitions)
