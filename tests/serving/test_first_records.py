"""Of the inferences of one source offset the first one counts: in the log, and in Redis.

Each time something is scored, it is by another clock and another model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import float64
from numpy.typing import NDArray

from pipeline.clock import FixedClock
from pipeline.control import is_control
from pipeline.errors import Fatal, InfrastructureError
from pipeline.faults import FaultPoints
from pipeline.first_records import FirstRecords
from pipeline.latest_score import SCORE_FIELDS, score_values
from pipeline.marker import Marker
from pipeline.records import Acknowledged, Deliveries, OutRecord, Target, Written
from pipeline.stateful import Stateful
from pipeline.store.store import Conflict, Values
from pipeline.times import MINUTE
from serving.core import STAGE, ServingCore, ServingItem
from serving.lineup import Alone
from tests.serving.test_core import TOPICS, FakeModel, contents, log_of, request
from tests.support.events import NOON, SECOND, caused_by, changed
from tests.support.fakes import FakeFeed, FakeStore, FakeWriter, Records
from tests.support.properties import MANY
from tests.support.reading_back import FakeReadingBack
from tests.support.stores import Copy
from use_cases.first_day_churn import USE_CASE

INFERENCES = Target(TOPICS.inferences, 0)

Act = Literal["fine", "rival", "between", "fails", "unknown"]


class Writer(FakeWriter):
    """Before or in a write another worker writes the same with values of its own; or it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: Iterator[tuple[Act, int]] = iter(())

    async def write(self, deliveries: Deliveries) -> Acknowledged:
        act, number = next(self.acts, ("fine", 0))
        ours = deliveries.get(INFERENCES, ())
        if act == "rival":
            await self._rival(ours[:number])
        if act == "between":
            return await self._in_two(deliveries, ours, number)
        if act == "fails":
            self.failures.append(number)
        acknowledged = await super().write(deliveries)
        if act == "unknown":
            return {
                target: [Written(-1, one.records) for one in batches]
                for target, batches in acknowledged.items()
            }
        return acknowledged

    async def _in_two(
        self, deliveries: Deliveries, ours: Sequence[OutRecord], number: int
    ) -> Acknowledged:
        first = await super().write({INFERENCES: ours[:number]})
        await self._rival(ours)
        rest = await super().write({**deliveries, INFERENCES: ours[number:]})
        return {**rest, INFERENCES: [*first[INFERENCES], *rest[INFERENCES]]}

    async def _rival(self, ours: Sequence[OutRecord]) -> None:
        await super().write({INFERENCES: [altered(one) for one in ours]})


class Store(FakeStore):
    """Fails before the writes of which it knows, or after them."""

    def __init__(self) -> None:
        super().__init__()
        self.away: set[int] = set()
        self.lost: set[int] = set()

    async def write(
        self, partition: int, believed: Marker | None, new: Marker, entities: Mapping[str, Values]
    ) -> Conflict | None:
        if self.writes + 1 in self.away:
            self.away.discard(self.writes + 1)
            raise InfrastructureError("Redis is away")
        answer = await super().write(partition, believed, new, entities)
        if self.writes in self.lost:
            raise InfrastructureError("no answer came")
        return answer


def altered(record: OutRecord) -> OutRecord:
    """What another worker would have made of it."""
    if is_control(record.headers) or record.value is None:
        return record
    inference = orjson.loads(record.value)
    inference |= {"probability": inference["probability"] / 3, "version": "rival"}
    return OutRecord(record.key, orjson.dumps(inference), record.headers)


class Changing:
    """Another version each time; its scores are its own."""

    def __init__(self, versions: Iterator[int]) -> None:
        self._versions = versions

    @property
    def lineup(self) -> Alone:
        version = next(self._versions)

        class Model(FakeModel):
            def score(self, matrix: NDArray[float64]) -> NDArray[float64]:
                scores: NDArray[float64] = super().score(matrix) / version
                return scores

        return Alone(Model(version=str(version)))


@dataclass
class Scene:
    """Workers that live one after the other, on one store and one log of inferences."""

    log: Records
    store: Store = field(default_factory=Store)
    writer: Writer = field(default_factory=Writer)
    versions: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.reading = FakeReadingBack(self.writer, TOPICS.inferences)
        self.clock = FixedClock(NOON)
        self.begin([3])

    def begin(self, sizes: list[int], faults: str = "") -> None:
        """A new worker."""
        self.feed = FakeFeed({0: self.log}, cycle(sizes))
        self.stage: Stateful[ServingItem] = Stateful(
            name=STAGE,
            core=ServingCore(USE_CASE, TOPICS, Changing(self.versions), self.clock),
            store=self.store,
            outputs=self.writer,
            delivering=FirstRecords(TOPICS.inferences, self.writer, self.reading),
            fingerprint=USE_CASE.fingerprint,
            effect="score",
            clock=self.clock,
            faults=FaultPoints.parse(faults),
        )
        self.stage.reader = self.feed

    async def run(self) -> None:
        """Until all is read."""
        while True:
            self.clock.at += MINUTE
            batches = await self.feed.poll(self.stage)
            try:
                await self.stage.process(batches)
            except InfrastructureError:
                for _ in range(20):
                    self.clock.at += SECOND
                    try:
                        await self.stage.process(batches)
                        break
                    except InfrastructureError:
                        continue
            if not batches and self.feed.owned:
                return

    def copy(self) -> Copy:
        """What Redis holds."""
        return deepcopy((self.store.markers, self.store.entities))

    def go_back(self, copy: Copy) -> None:
        """Let it hold what it held."""
        self.store.markers, self.store.entities = deepcopy(copy)

    @property
    def kept(self) -> dict[str, list[bytes]]:
        """What Redis holds of each entity under the live generation."""
        marker = self.store.markers.get(0)
        live = marker["generation"] if marker else ""
        return {
            entity: values
            for (_, name, entity), values in self.store.entities.items()
            if name == live
        }

    @property
    def counting(self) -> dict[str, list[bytes]]:
        """The same, by the inferences that every reader takes."""
        latest: dict[str, list[bytes]] = {}
        for record in self.writer.effective(TOPICS.inferences):
            if is_control(record.headers):
                latest.pop((record.key or b"").decode(), None)
                continue
            inference = orjson.loads(record.value or b"")
            values = score_values(inference)
            latest[inference["user_id"]] = [
                value.encode() if isinstance(value, str) else value for value in values
            ]
        return latest


acts = st.tuples(
    st.sampled_from(["fine", "rival", "between", "fails", "unknown"]), st.integers(0, 9)
)


@dataclass(frozen=True)
class Life:
    """How a worker finds Redis, what it reads at once, and where it dies."""

    redis: Literal["", "older", "empty"]
    sizes: list[int]
    faults: str
    at_once: int


lives = st.builds(
    Life,
    st.sampled_from(["", "", "", "older", "empty"]),
    st.lists(st.integers(1, 12), min_size=1, max_size=3),
    st.one_of(
        st.just(""),
        st.builds(
            "{}=raise:{}".format,
            st.sampled_from(["after-outputs", "after-write"]),
            st.integers(1, 4),
        ),
    ),
    st.integers(1, 9),
)


@MANY
@given(
    st.lists(contents, max_size=40),
    st.lists(acts, max_size=12),
    st.lists(lives, max_size=6),
    st.sets(st.integers(1, 9), max_size=3),
    st.sets(st.integers(1, 9), max_size=3),
)
async def test_redis_holds_what_readers_take_whatever_happens(
    requests: list[Any],
    acts: list[tuple[Act, int]],
    lives: list[Life],
    away: set[int],
    lost: set[int],
) -> None:
    scene = Scene(log_of(*requests))
    scene.writer.acts, scene.store.away, scene.store.lost = iter(acts), away, lost
    copies = [scene.copy()]
    for life in lives:
        scene.begin(life.sizes, life.faults)
        scene.reading.at_once = life.at_once
        if life.redis == "older":
            scene.go_back(copies[len(copies) // 2])
        if life.redis == "empty":
            scene.go_back(copies[0])
        with contextlib.suppress(Fatal):
            await scene.run()
        copies.append(scene.copy())
    scene.begin([7])
    await scene.run()
    assert scene.kept == scene.counting


def six() -> Scene:
    return Scene(log_of(*(request(user, 10 * n) for n, user in enumerate("abcdef"))))


async def dies(scene: Scene, sizes: list[int], faults: str) -> None:
    scene.begin(sizes, faults)
    with pytest.raises(Fatal):
        await scene.run()


def told(scene: Scene) -> int:
    """How many records there are, copies too."""
    return len(scene.writer.logs[INFERENCES])


async def test_where_nothing_fails_nothing_is_read_and_nothing_written_twice() -> None:
    scene = six()
    await scene.run()
    scene.begin([2])
    await scene.run()
    assert (scene.reading.reads, told(scene)) == (0, 6)


async def test_a_crash_before_the_write_leaves_the_first_scores_in_force() -> None:
    scene = six()
    await dies(scene, [6], "after-outputs=raise:1")
    scene.begin([6])
    await scene.run()
    assert {version_of(values) for values in scene.kept.values()} == {b"1"}
    assert scene.kept == scene.counting


async def test_what_was_read_ahead_is_known_to_the_next_worker() -> None:
    scene = six()
    scene.reading.at_once = 9
    await dies(scene, [6], "after-outputs=raise:1")
    await dies(scene, [2], "after-write=raise:1")
    scene.begin([6])
    await scene.run()
    assert {version_of(values) for values in scene.kept.values()} == {b"1"}


async def test_a_batch_that_failed_halfway_is_completed_and_not_written_twice() -> None:
    scene = six()
    scene.begin([6])
    scene.writer.acts = iter([("fails", 4)])
    await scene.run()
    assert told(scene) == 6
    assert scene.kept == scene.counting


async def test_an_emptied_redis_is_filled_with_the_same_scores_again() -> None:
    scene = six()
    await scene.run()
    before = scene.kept
    scene.go_back(({}, {}))
    scene.begin([2])
    await scene.run()
    assert scene.kept == before
    assert told(scene) == 6 + 2


async def test_scores_that_kafka_has_deleted_are_made_anew() -> None:
    scene = six()
    await scene.run()
    scene.go_back(({}, {}))
    scene.reading.start = 4
    scene.begin([2])
    await scene.run()
    versions = {entity: version_of(values) for entity, values in scene.kept.items()}
    assert {entity for entity, version in versions.items() if version in {b"1", b"2"}} == {*"ef"}


async def test_a_topic_that_was_made_again_is_read_from_its_beginning() -> None:
    scene = six()
    await scene.run()
    scene.log += later(scene.log)
    scene.writer.logs.clear()
    scene.writer.topic_ids[TOPICS.inferences] = "another"
    await dies(scene, [6], "after-outputs=raise:1")
    scene.begin([6])
    await scene.run()
    assert scene.kept == scene.counting


async def test_a_stranger_s_record_under_one_of_our_source_offsets_stops_nothing() -> None:
    scene = six()
    await scene.writer.deliver({INFERENCES: [OutRecord(b"a", b"{}", scene.log[0].headers)]})
    await scene.run()
    assert scene.kept.keys() == {*"abcdef"}


def version_of(values: list[bytes]) -> bytes:
    return values[SCORE_FIELDS.index("version")]


def later(log: Records) -> Records:
    """The same requests again, of later events."""
    end = len(log)
    return [
        changed(one, offset=end + n, headers=caused_by(100 + end + n)) for n, one in enumerate(log)
    ]
