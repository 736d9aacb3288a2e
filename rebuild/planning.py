"""What a new epoch has to do, and what it loses; nothing is changed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.declaration import UseCase
from pipeline.marker import Marker
from pipeline.origin import Source
from pipeline.parquet.files import noted_count, partitions_in, position_of
from pipeline.topics import Topics
from rebuild.boundary import (
    Cause,
    Known,
    Now,
    apart,
    cause_of,
    refuse_mixed,
    refuse_unless_logged,
    unfolded,
    unlogged,
    unscored,
)
from rebuild.carried import Carried, positions_in
from rebuild.epoch import Plan
from rebuild.history import Began, Ended, Epoch, Manifest, read_history

Markers = Mapping[int, Marker]


@dataclass(frozen=True, slots=True)
class Survey:
    """What Kafka and Redis say: topics, markers of both kinds, the handler's next offsets.

    `commits` are the handler's (incarnation, next offset) by the partitions of its sources.
    """

    topics: Mapping[str, Now]
    features: Markers
    scores: Markers
    commits: Mapping[Source, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, why each topic needs it, and what will be lost, in words."""

    plan: Plan
    causes: Mapping[str, Cause]
    losses: list[str]


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the next epoch of a use case, whose topics have so many partitions now."""

    case: UseCase
    root: Path
    partitions: int

    @property
    def topics(self) -> Topics:
        """The topics of the use case."""
        return Topics.of(self.case)

    def plan(self, survey: Survey) -> Planned | None:
        """What has to be done; None where no topic needs a new epoch.

        Raises Refusal where something would be lost that need not be. Blocks.
        """
        before = self._before(survey)
        known = {topic: self._known(topic, survey) for topic in self.topics.ours}
        causes = {
            topic: cause
            for topic, now in survey.topics.items()
            if (cause := cause_of(now, known[topic], before, self.partitions)) is not None
        }
        if not causes:
            return None
        self._check(survey, causes, before)
        plan = self._plan(survey, known, causes, before)
        return Planned(plan, causes, self._losses(survey, causes, plan))

    @property
    def carried(self) -> Carried:
        """What the next epoch takes over."""
        return Carried(self.case, self.root, self.partitions)

    def _before(self, survey: Survey) -> int:
        """By how many partitions entities were placed."""
        said = (one.partitions for one in (*survey.features.values(), *survey.scores.values()))
        noted = noted_count(self.root / self.topics.incoming)
        return noted or next((one for one in said if one), self.partitions)

    def _known(self, topic: str, survey: Survey) -> Known:
        """What Parquet says; where it says nothing, the boundary before, or the markers."""
        logged = self._logged(topic)
        if logged.topic_id is not None:
            return logged
        markers = {self.topics.incoming: survey.features, self.topics.features: survey.scores}
        ids = (
            self._epoch(topic).topic_id,
            *(one.topic_id for one in markers.get(topic, {}).values()),
        )
        return Known(next((one for one in ids if one), None))

    def _logged(self, topic: str) -> Known:
        home = self.root / topic
        found = {number: position_of(home, number) for number in sorted(partitions_in(home))}
        positions = {number: one for number, one in found.items() if one is not None}
        ids = [one.topic_id for one in positions.values()]
        return Known(
            ids[0] if ids else None, {number: one.next_offset for number, one in positions.items()}
        )

    def _check(self, survey: Survey, causes: Mapping[str, Cause], before: int) -> None:
        for topic in self.topics.logged:
            epoch = self._epoch(topic)
            if causes.get(topic) is Cause.REPARTITIONED:
                logged = self._logged(topic)
                refuse_unless_logged(topic, survey.topics[topic], logged, epoch.starts)
            for number in epoch.numbers if topic in causes else ():
                epoch.files(number)
        if self.topics.incoming in causes:
            positions = positions_in(self.root / self.topics.incoming)
            highest = [one for origins in positions for one in origins.values()]
            refuse_mixed(highest, survey.commits, before, self.partitions)

    def _epoch(self, topic: str) -> Epoch:
        return read_history(self.root, topic, self.partitions).current

    def _plan(
        self,
        survey: Survey,
        known: Mapping[str, Known],
        causes: Mapping[str, Cause],
        before: int,
    ) -> Plan:
        parted = {
            topic: apart(survey.topics[topic], known[topic])
            for topic, cause in causes.items()
            if cause is Cause.APART
        }
        return Plan(
            Manifest(
                {
                    topic: self._ended(topic, known[topic].topic_id or "", before, parted)
                    for topic in self.topics.logged
                    if topic in causes and (self.root / topic).is_dir()
                },
                {
                    topic: self._began(topic, cause, survey.topics[topic], before, parted)
                    for topic, cause in causes.items()
                },
            ),
            {
                topic: survey.topics[topic].ends
                for topic in self._read_on_behind_it
                if causes.get(topic) is Cause.REPARTITIONED
            },
            {
                topic: parted.get(topic, list(range(self.partitions)))
                for topic in self._read_on_behind_it
                if causes.get(topic) in (Cause.MADE_AGAIN, Cause.APART)
            },
            {topic: numbers for topic, numbers in parted.items() if topic in self.topics.logged},
        )

    @property
    def _read_on_behind_it(self) -> tuple[str, str]:
        """The topics of which a state is made."""
        return (self.topics.incoming, self.topics.features)

    def _ended(
        self, topic: str, topic_id: str, before: int, parted: Mapping[str, list[int]]
    ) -> Ended:
        offsets = self._logged(topic).next_offsets
        numbers = parted.get(topic, offsets)
        return Ended(topic_id, before, {one: offsets[one] for one in numbers if one in offsets})

    def _began(
        self, topic: str, cause: Cause, now: Now, before: int, parted: Mapping[str, list[int]]
    ) -> Began:
        starts: Mapping[int, int] = {}
        if cause is Cause.APART:
            epoch = self._epoch(topic)
            starts = {one: epoch.start(one) for one in now.ends if one not in parted[topic]}
        elif cause is Cause.REPARTITIONED and topic not in self._read_on_behind_it:
            starts = now.ends
        if topic != self.topics.incoming:
            return Began(now.topic_id, self.partitions, starts)
        lookups = self.carried.lookups(before, parted.get(topic, range(self.partitions)))
        return Began(now.topic_id, self.partitions, starts, lookups)

    def _losses(self, survey: Survey, causes: Mapping[str, Cause], plan: Plan) -> list[str]:
        incoming, features = self.topics.incoming, self.topics.features
        losses = []
        for topic in plan.parted:
            ended = plan.manifest.ended[topic]
            losses += unlogged(topic, survey.topics[topic], ended.next_offsets)
        if incoming in plan.manifest.ended:
            ended = plan.manifest.ended[incoming]
            applied = _applied(survey.features, ended.topic_id)
            losses += unfolded(incoming, ended.next_offsets, applied)
        if features in plan.cut:
            now = survey.topics[features]
            losses += unscored(features, now, _applied(survey.scores, now.topic_id))
        elif causes.get(features) is Cause.MADE_AGAIN:
            losses.append(f"what the old {features} held and nobody had scored has no score")
        return losses


def _applied(markers: Markers, topic_id: str | None) -> dict[int, int]:
    """The next offsets of the markers of a topic."""
    return {number: one.offset + 1 for number, one in markers.items() if one.topic_id == topic_id}
