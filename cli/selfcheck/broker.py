"""What Kafka holds of a use case's topics: their ids, and from where to where. Blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from cli.selfcheck.spans import Span
from event_handler.incarnations import Incarnation, Incarnations
from pipeline.declaration import UseCase
from pipeline.kafka.admin import Admin
from pipeline.settings import Settings
from pipeline.topics import Topics, incarnations_of


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as the broker has it."""

    name: str
    id: str
    spans: Mapping[int, Span]
    incarnation: int = 0
    """Of a source, as the handler counts them."""

    @property
    def log(self) -> str:
        """What the origins of its records call it."""
        return f"{self.name}:{self.incarnation}" if self.incarnation else self.id

    @property
    def records(self) -> int:
        """How many records it holds."""
        return sum(span.end - span.start for span in self.spans.values())


@dataclass(frozen=True, slots=True)
class Broker:
    """The topics by their name, and which of them are the sources."""

    topics: Mapping[str, Topic]
    sources: tuple[str, ...]


def read_broker(settings: Settings, case: UseCase) -> Broker:
    """Ask Kafka. Raises InfrastructureError, and Refusal for a topic that does not exist."""
    topics = Topics.of(case)
    sources = settings.sources or (topics.generated,)
    names = tuple(dict.fromkeys((*sources, *topics.ours)))
    with Admin.connect(settings.kafka) as admin:
        ids = admin.topic_ids(names)
        counts = admin.partitions(names)
        places = [(name, number) for name in names for number in range(counts[name])]
        starts, ends = admin.starts(places), admin.ends(places)
        incarnations = _incarnations(admin, settings, case)
    spans = {place: Span(starts[place], ends[place]) for place in places}
    return Broker(
        {
            name: Topic(
                name,
                ids[name],
                {n: spans[(name, n)] for n in range(counts[name])},
                incarnations.get((name, ids[name]), 0),
            )
            for name in names
        },
        sources,
    )


def _incarnations(admin: Admin, settings: Settings, case: UseCase) -> Mapping[Incarnation, int]:
    topic = incarnations_of(case)
    if topic not in admin.partitions((topic,)):
        return {}
    return asyncio.run(Incarnations(settings.kafka, topic).known())
