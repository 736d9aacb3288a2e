"""Which incarnation of a source a topic is, when topics are made again under their name.

Handlers agree on it by a log of their own, of one partition that keeps all it gets: whoever meets a
topic id that does not stand there appends it. The number of an id follows from the first record
that names it, and is higher than those of all records before it of the same source. It is about the
time of that record in seconds, so that it goes on growing where that log is lost.

A topic is read by its id only once its number is known. So the id whose number is higher lived
longer: the number of the earlier one was known before it was gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from pipeline.kafka.carrying import append, read_all
from pipeline.records import InRecord, OutRecord, Target
from pipeline.settings import KafkaSettings


class _Met(msgspec.Struct, frozen=True):
    """A source was met with this topic id."""

    source: str
    topic_id: str


Incarnation = tuple[str, str]
"""(source, topic id)."""

_decode = msgspec.json.Decoder(_Met).decode


@dataclass(frozen=True, slots=True)
class Incarnations:
    """Those that stand in one topic."""

    settings: KafkaSettings
    topic: str

    async def number(self, source: str, topic_id: str) -> int:
        """The same in every process, and higher than those of all topics of that name before.

        Raises InfrastructureError; may block while Kafka is away.
        """
        numbers = await self.known()
        if (source, topic_id) not in numbers:
            met = msgspec.json.encode(_Met(source, topic_id))
            record = OutRecord(source.encode(), met)
            await append(self.settings, Target(self.topic, 0), record)
            numbers = await self.known()
        return numbers[(source, topic_id)]

    async def known(self) -> Mapping[Incarnation, int]:
        """All that have a number. Raises InfrastructureError; may block while Kafka is away."""
        return numbered(await read_all(self.settings, Target(self.topic, 0)))


def numbered(records: Iterable[InRecord]) -> Mapping[Incarnation, int]:
    """The number of each incarnation that the records name, in log order; others are passed over.

    Timestamps are in milliseconds.
    """
    numbers: dict[Incarnation, int] = {}
    last: dict[str, int] = {}
    for record in records:
        try:
            met = _decode(record.value or b"")
        except (ValueError, RecursionError):  # of JSON, of bytes, and of nesting
            continue
        if (met.source, met.topic_id) not in numbers:
            number = max(last.get(met.source, 0) + 1, record.timestamp // 1000)
            last[met.source] = numbers[(met.source, met.topic_id)] = number
    return numbers
