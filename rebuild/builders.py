"""What is rebuilt of a partition, for each stage that keeps a state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pipeline.conflicts import NEW_EPOCH
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.kafka.positions import Log
from pipeline.keys import FEATURES, SCORES
from pipeline.latest_score import SCORE_FIELDS
from pipeline.marker import Marker, OutputPosition
from pipeline.origin import Highest
from pipeline.parquet.files import noted_count, position_of
from pipeline.parquet.refold import TableOf
from pipeline.state import StateCodec
from pipeline.store.store import Values
from pipeline.topics import Topics
from rebuild.epoch import unfinished
from rebuild.folding import fold
from rebuild.history import History, read_history
from rebuild.scoring import score
from rebuild.target import Epoch, fold_up_to

LogOf = Callable[[str, int], Log]
"""A partition of a topic as the broker has it now."""


@dataclass(frozen=True, slots=True)
class Built:
    """A partition's state as of `marker`, made of so many records.

    `unscored` counts those of them that no worker has seen, and whose effects are lost with Kafka's
    records.
    """

    marker: Marker
    entities: Iterable[tuple[str, Values]]
    records: int
    unscored: int = 0


class Builder(Protocol):
    """Builds the state of one stage."""

    @property
    def kind(self) -> str:
        """What the state holds, as in its keys."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of an entity's hash."""
        ...

    def build(self, partition: int, live: Marker | None, generation: str) -> Built:
        """Build what has to take the place of `live`. Blocks; raises Refusal."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """What every builder stands on."""

    case: UseCase
    partitions: int
    parquet_dir: Path
    log_of: LogOf

    @property
    def topics(self) -> Topics:
        """The topics of the use case."""
        return Topics.of(self.case)

    def history(self, topic: str) -> History:
        """The epochs of a topic, as of now. Raises Refusal while one is being begun."""
        if unfinished(self.parquet_dir):
            raise Refusal("a new epoch was begun, and its beginning not finished", NEW_EPOCH)
        return read_history(self.parquet_dir, topic, self.partitions)

    def epoch(self, history: History) -> Epoch:
        """The one that a topic is in."""
        logged = self.parquet_dir / self.topics.incoming
        return Epoch(history.current.topic_id, noted_count(logged))

    def refuse_without_log(self, history: History, log: Log) -> None:
        """Raise Refusal where Kafka holds records of a topic, and nothing of it was ever logged."""
        if history.current.topic_id is None and log.end > 0:
            raise Refusal(
                f"there is no log of {log.topic} in {self.parquet_dir}",
                "Set PIPELINE_DATA to the directory in which inference_logger writes",
            )

    def marker(
        self, log: Log, generation: str, offset: int, highest: Highest, lookups: dict[str, str]
    ) -> Marker:
        """The marker of what was built up to `offset`."""
        return Marker(
            topic_id=log.topic_id,
            generation=generation,
            fingerprint=self.case.fingerprint,
            offset=offset,
            highest=highest,
            lookups=lookups,
            partitions=self.partitions,
        )


@dataclass(frozen=True, slots=True)
class FeatureBuilder:
    """Folds `incoming-events` as far as its effects are known to have been delivered."""

    ground: Ground
    table_of: TableOf
    kind: str = field(default=FEATURES, init=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of an entity's hash."""
        return StateCodec(self.ground.case).fields

    def build(self, partition: int, live: Marker | None, generation: str) -> Built:
        """The fold up to the live marker, or else up to what Kafka no longer holds."""
        ground, topic = self.ground, self.ground.topics.incoming
        history = ground.history(topic)
        logged = logged_to(history, partition)
        log = ground.log_of(topic, partition)  # after the files, or it could seem to be behind them
        marker = ground.epoch(history).marker(live, log, ground.partitions)
        ground.refuse_without_log(history, log)
        up_to = fold_up_to(marker, log, logged)
        folded = fold(ground.case, self.table_of, history, partition, up_to)
        return Built(
            ground.marker(log, generation, up_to, folded.highest, folded.lookups),
            folded.entities(StateCodec(ground.case)),
            folded.records,
            max(up_to - marker.offset, 0) if marker else 0,
        )


@dataclass(frozen=True, slots=True)
class ScoreBuilder:
    """Takes the last logged inference of each entity, and reads `serving-features` once more."""

    ground: Ground
    kind: str = field(default=SCORES, init=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of an entity's hash."""
        return SCORE_FIELDS

    def build(self, partition: int, live: Marker | None, generation: str) -> Built:
        """The latest scores; the worker then drops what it finds inferred already."""
        ground, topics = self.ground, self.ground.topics
        incoming, inferences = ground.history(topics.incoming), ground.history(topics.inferences)
        covered = position_of(incoming.current.home, partition)
        for history, topic in ((incoming, topics.incoming), (inferences, topics.inferences)):
            place = ground.log_of(topic, partition)
            ground.epoch(history).refuse_unless_of(place, ground.partitions)
            ground.refuse_without_log(history, place)
        log = ground.log_of(topics.features, partition)
        ground.epoch(ground.history(topics.features)).marker(live, log, ground.partitions)
        origins = covered.origins.get("", Highest()) if covered else Highest()
        scored = score(ground.case, incoming, inferences, partition, origins)
        marker = ground.marker(log, generation, log.start - 1, scored.highest, {})
        written = OutputPosition(inferences.current.topic_id or "", scored.next_offset)
        return Built(
            replace(marker, written=written),
            scored.entities(),
            scored.records,
        )


def logged_to(history: History, partition: int) -> int:
    """The last offset of a partition that is in Parquet."""
    files = history.current.files(partition)
    return files[-1].last if files else history.current.start(partition) - 1
