"""How far each stage is behind: its position against the end of what it reads.

Positions are read before ends, and a stage acknowledges its outputs before its position moves. So
when every lag is zero in one reading, and the source is silent, all effects have been made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cli.state.markers import KINDS, Markers, read_markers
from event_handler.notes import decode
from pipeline.declaration import UseCase
from pipeline.kafka.admin import Admin
from pipeline.settings import Settings
from pipeline.topics import Topics, group_of, stages_of

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Lag:
    """One partition as one stage sees it: `position` is the next offset to be dealt with."""

    stage: str
    topic: str
    partition: int
    start: int
    position: int
    end: int

    @property
    def records(self) -> int:
        """How many records have not been dealt with."""
        return max(self.end - self.position, 0)

    @property
    def done(self) -> int:
        """How many have been, of those that the log still holds."""
        return max(self.position - self.start, 0)


def read_topics(case: UseCase, settings: Settings) -> dict[str, tuple[str, ...]]:
    """The topics that each stage of the case reads."""
    topics = Topics.of(case)
    read = {
        "event_handler": settings.sources or (topics.generated,),
        "stream_features": (topics.incoming,),
        "serving": (topics.features,),
        "inference_logger": topics.logged,
    }
    return {stage: read[stage] for stage in stages_of(case)}


class LagReader:
    """Reads all lags again and again over one connection to Kafka."""

    def __init__(self, admin: Admin, case: UseCase, settings: Settings) -> None:
        self._admin = admin
        self._case = case
        self._settings = settings
        self._reads = read_topics(case, settings)
        names = tuple({topic for topics in self._reads.values() for topic in topics})
        counts = admin.partitions(names)
        self._partitions = {name: range(counts.get(name, 0)) for name in names}
        self._starts = admin.starts(self._all())

    def read(self) -> list[Lag]:
        """One reading: every partition of every stage. Blocks; raises InfrastructureError."""
        markers = read_markers(self._settings)
        ids = self._admin.known_ids(tuple(self._partitions))
        committed = {stage: self._committed(stage, ids) for stage in self._reads}
        ends = self._admin.ends(self._all())
        return [
            Lag(
                stage,
                topic,
                partition,
                self._starts[(topic, partition)],
                self._position(committed[stage], markers, stage, (topic, partition)),
                ends[(topic, partition)],
            )
            for stage, topics in self._reads.items()
            for topic in topics
            for partition in self._partitions[topic]
        ]

    def _position(
        self, committed: Mapping[Partition, int], markers: Markers, stage: str, place: Partition
    ) -> int:
        """The marker where the stage keeps one, for a commit is a hint; else the commit."""
        if stage not in KINDS:
            return committed.get(place, self._starts[place])
        marker = markers[stage].get(place[1])
        return self._starts[place] if marker is None else marker.offset + 1

    def _committed(self, stage: str, ids: Mapping[str, str]) -> dict[Partition, int]:
        """Without commits of a topic that had the same name, where they say of which they are."""
        commits = self._admin.commits(group_of(self._case, stage))
        notes = {place: decode(commit.note) for place, commit in commits.items()}
        return {
            place: commit.offset
            for place, commit in commits.items()
            if (note := notes[place]) is None or note.topic_id == ids.get(place[0])
        }

    def _all(self) -> list[Partition]:
        return [(name, number) for name, numbers in self._partitions.items() for number in numbers]
