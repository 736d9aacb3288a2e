"""A pipeline in memory with its log in Parquet, whose topics may change under it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle

from pipeline.control import epoch_record, erase_record, is_control, lookup_record
from pipeline.faults import FaultPoints
from pipeline.marker import Marker
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from rebuild.boundary import Now
from rebuild.builders import Built
from rebuild.epoch import begin, finish, unfinished
from rebuild.planning import Planned, Planner, Survey
from tests.rebuild.rig import Ledger, held
from tests.rebuild.test_scores import scoring_stage
from tests.support.events import (
    NOON,
    SECOND,
    SOURCE_ID,
    bet,
    caused_by,
    consumed,
    log_of,
    purchase,
    registration,
    win,
)
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records
from tests.support.stages import INDEX, TOPICS, Folded, Rig, straight_fold
from use_cases.first_day_churn import USE_CASE

USERS = [f"u{n}" for n in range(12)]
NO_FAULT = FaultPoints()


@dataclass
class Kafka:
    """Topics in memory: a partition is a list, and what is cut off stays in it below its start."""

    ledger: Ledger
    logs: dict[str, dict[int, Records]] = field(default_factory=dict)
    gone: list[dict[int, Records]] = field(default_factory=list)

    def append(self, topic: str, partition: int, record: OutRecord) -> None:
        log = self.logs[topic][partition]
        log.append(
            consumed(
                record.value,
                topic=topic,
                partition=partition,
                offset=len(log),
                key=record.key,
                headers=record.headers,
                timestamp=NOON // 1000 + len(log),
            )
        )
        self.ledger.holds(topic, {partition: log})

    def starts(self, topic: str) -> dict[int, int]:
        return {number: self.ledger.starts.get((topic, number), 0) for number in self.logs[topic]}

    def ends(self, topic: str) -> dict[int, int]:
        return {number: len(log) for number, log in self.logs[topic].items()}

    def write_again(self, topic: str, partition: int, end: int) -> None:
        start = self.starts(topic)[partition]
        for one in self.logs[topic][partition][start:end]:
            self.append(topic, partition, OutRecord(one.key, one.value, tuple(one.headers)))

    def mark(self, topic: str, partition: int) -> None:
        self.append(topic, partition, epoch_record())

    def cut(self, topic: str, before: Mapping[int, int]) -> None:
        for number, start in before.items():
            assert start <= len(self.logs[topic][number])
            self.ledger.starts[topic, number] = max(start, self.starts(topic)[number])


@dataclass
class Life:
    """A pipeline from its first event on; every event has an origin of its own in one source."""

    ledger: Ledger
    kafka: Kafka = field(init=False)
    features: FakeStore = field(default_factory=FakeStore)
    scores: FakeStore = field(default_factory=FakeStore)
    history: list[OutRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kafka = Kafka(self.ledger)
        for topic in TOPICS.ours:
            self.make(topic, self.ledger.ids[topic])

    def make(self, topic: str, topic_id: str) -> None:
        """Make a topic, empty, with as many partitions as there are now."""
        if topic == TOPICS.inferences and topic in self.kafka.logs:
            self.kafka.gone.append(self.kafka.logs[topic])
        self.ledger.ids[topic] = topic_id
        self.kafka.logs[topic] = {number: [] for number in range(self.ledger.partitions)}
        for number in range(self.ledger.partitions):
            self.ledger.starts.pop((topic, number), None)
        self.ledger.holds(topic, self.kafka.logs[topic])

    def grow(self, partitions: int) -> None:
        """Every topic of ours gets more partitions."""
        self.ledger.partitions = partitions
        for topic, logs in self.kafka.logs.items():
            for number in range(len(logs), partitions):
                logs[number] = []
            self.ledger.holds(topic, logs)

    def handle(self, record: OutRecord) -> None:
        """What the handler does with an event, or a person with a control record."""
        self.history.append(record)
        entity = record.key or b""
        self.kafka.append(TOPICS.incoming, partition_of(entity, self.ledger.partitions), record)

    def load(self, version: str) -> None:
        """Put a lookup table in force."""
        self.history.append(lookup_record(INDEX, version))
        for number in range(self.ledger.partitions):
            self.kafka.append(TOPICS.incoming, number, lookup_record(INDEX, version))

    def live_on(self, seed: int, count: int = 80, *, load: bool = True) -> None:
        """Some more events of the same users, behind another lookup table unless told not to."""
        draw = random.Random(seed)
        if load:
            self.load(f"v{seed % 2 + 1}")
        for _ in range(count):
            user, at = draw.choice(USERS), NOON + draw.randrange(20 * 3600) * SECOND
            made = draw.choice(
                [
                    purchase(draw.uniform(1, 9), user, at),
                    bet(draw.uniform(1, 9), user, at),
                    win(draw.uniform(1, 9), user, at),
                    registration(user, at, postcode=draw.choice([10000, 10001, 10002])),
                ]
            )
            (logged,) = log_of([made])
            headers = caused_by(len(self.history))
            self.handle(OutRecord(logged.key, logged.value, headers))
        self.handle(erase_record(draw.choice(USERS)))
        rejected = (*caused_by(10**6 + seed), ("stage", b"event_handler"))
        self.kafka.append(TOPICS.rejected, 0, OutRecord(None, b"no json", rejected))

    async def work(self) -> None:
        """Every stage comes to the end of its topic."""
        await self.fold()
        await self.serve()
        await self.log()

    async def fold(self) -> None:
        """The feature stage."""
        rig = Rig(self.kafka.logs[TOPICS.incoming], self.features)
        rig.feed.topic_id = self.ledger.ids[TOPICS.incoming]
        rig.feed.starts = self.kafka.starts(TOPICS.incoming)
        rig.stage.partitions = self.ledger.partitions
        await rig.run()
        self._written(rig.writer)

    async def serve(self) -> None:
        """The scoring stage."""
        writer = FakeWriter()
        stage = scoring_stage(self.scores, writer)
        stage.partitions = self.ledger.partitions
        stage.reader = feed = FakeFeed(
            self.kafka.logs[TOPICS.features],
            cycle([7]),
            TOPICS.features,
            self.ledger.ids[TOPICS.features],
            self.kafka.starts(TOPICS.features),
        )
        await feed.run(stage)
        self._written(writer)

    def _written(self, writer: FakeWriter) -> None:
        for target, records in writer.logs.items():
            for record in records:
                self.kafka.append(target.topic, target.partition, record)

    async def log(self) -> None:
        """The logger."""
        for topic in TOPICS.logged:
            await self.ledger.log(topic, self.kafka.logs[topic], rows=40)

    def planned(self) -> Planned:
        """What a new epoch has to do now."""
        found = self.planner.plan(self.survey())
        assert found is not None
        return found

    @property
    def planner(self) -> Planner:
        return Planner(USE_CASE, self.ledger.root, self.ledger.partitions)

    def survey(self, committed: int = 10**9) -> Survey:
        kafka, ids = self.kafka, self.ledger.ids
        return Survey(
            {one: Now(ids[one], kafka.starts(one), kafka.ends(one)) for one in TOPICS.ours},
            markers_in(self.features),
            markers_in(self.scores),
            {(SOURCE_ID, 0): (0, committed)},
        )

    def begin(self, faults: FaultPoints = NO_FAULT) -> None:
        """A new epoch, from its plan to its last step."""
        root = self.ledger.root
        plan = unfinished(root) or self.planned().plan
        finish(root, begin(root, plan, self.kafka, self.planner.carried.origins, faults))

    def rebuild(self) -> None:
        """Build all state again."""
        for number in range(self.ledger.partitions):
            live = markers_in(self.features).get(number), markers_in(self.scores).get(number)
            put(self.features, number, self.ledger.features.build(number, live[0], "new"))
            put(self.scores, number, self.ledger.scores.build(number, live[1], "new"))

    def assert_whole(self) -> None:
        """Features and scores are those of all that ever happened; each event was scored once."""
        expected = self.expected()
        assert self.features_held() == expected.entities
        asked = [origin.encode().decode() for origin, _ in expected.scored]
        inferred = [
            (dict(one.headers)["origin"] or b"").decode()
            for log in self.inferences
            for records in log.values()
            for one in records
            if not is_control(one.headers)
        ]
        assert sorted(inferred) == sorted(asked)
        assert self._live(self.scores).keys() == self._scored(expected)

    def expected(self) -> Folded:
        """What all that ever happened comes to."""
        return straight_fold(
            [
                consumed(one.value, offset=n, key=one.key, headers=one.headers)
                for n, one in enumerate(self.history)
            ]
        )

    def features_held(self) -> dict[str, list[bytes]]:
        return self._live(self.features)

    @property
    def inferences(self) -> list[dict[int, Records]]:
        """Of the topic that there is, and of those that were there before."""
        return [*self.kafka.gone, self.kafka.logs[TOPICS.inferences]]

    def _scored(self, expected: Folded) -> set[str]:
        """Who was scored since the last erasure."""
        left: set[str] = set()
        scored = {origin.offset for origin, _ in expected.scored}
        for n, one in enumerate(self.history):
            if one.headers[0][0] != "kind" and n in scored:
                left.add((one.key or b"").decode())
            elif one.headers[0][0] == "kind" and one.key is not None:
                left.discard(one.key.decode())
        return left

    def _live(self, store: FakeStore) -> dict[str, list[bytes]]:
        """What the live generations hold, everyone on the partition that is theirs."""
        markers = markers_in(store)
        found = {
            entity: values
            for (number, generation, entity), values in store.entities.items()
            if number < self.ledger.partitions and markers[number].generation == generation
        }
        for number, _, entity in store.entities:
            if entity in found and number < self.ledger.partitions:
                assert partition_of(entity.encode(), self.ledger.partitions) == number
        return found


def markers_in(store: FakeStore) -> dict[int, Marker]:
    return {number: Marker.decode(fields) for number, fields in store.markers.items()}


def put(store: FakeStore, partition: int, built: Built) -> None:
    """As the switch and the sweep do."""
    for place in [place for place in store.entities if place[0] == partition]:
        del store.entities[place]
    for entity, values in held(built).items():
        store.entities[(partition, built.marker.generation, entity)] = values
    store.markers[partition] = built.marker.encode()
