"""A topic that is made again under its name, while a stage reads it or is held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from event_handler.core import Handler
from event_handler.flood import Flood
from event_handler.incarnations import Incarnations
from event_handler.positions import GroupPositions
from event_handler.service import EventHandler
from inference_logger.files import LogFiles
from inference_logger.service import InferenceLogger
from inference_logger.tables import layouts
from pipeline.clock import FixedClock
from pipeline.errors import Refusal
from pipeline.faults import FaultPoints
from pipeline.health import Health
from pipeline.kafka.admin import Admin
from pipeline.kafka.feed import Batch, Feed, Member
from pipeline.kafka.positions import Positions as Asked
from pipeline.origin import Highest
from pipeline.records import OutRecord
from pipeline.settings import KafkaSettings
from pipeline.topics import Topics
from pipeline.validation import Validator
from pipeline.worker import Stage
from tests.event_handler.rig import FakeResumes
from tests.inference_logger.rig import NEVER, offsets_of
from tests.support.events import NOON, bet
from tests.support.fakes import FakeStore, FakeWriter, origin_of
from tests.support.feeding import Make, Positions, Reading, numbers, polled, records, until
from tests.support.kafka import Cluster
from tests.support.remaking import Remaker
from tests.support.stages import feature_stage
from use_cases.first_day_churn import USE_CASE

MANY = pytest.param(50, marks=pytest.mark.slow)
SECONDS = 30


@pytest.fixture
def remaker(kafka: str, reading: Make) -> Iterator[tuple[Reading, Remaker]]:
    one = reading(1)
    with Remaker.of(kafka, one.topic) as found:
        yield one, found


def events(count: int, name: str) -> list[bytes]:
    return [orjson.dumps(bet(n + 1, f"{name}-{n % 3}")) for n in range(count)]


@pytest.mark.parametrize("times", [2, MANY])
async def test_the_new_topic_is_read_from_its_own_beginning(
    remaker: tuple[Reading, Remaker], times: int
) -> None:
    one, topic = remaker
    positions = Positions()
    async with one.member(positions) as feed:
        topic.append([b"%d" % n for n in range(3)])
        await polled(feed, records(3))
        for _ in range(times):
            before = feed.owned
            topic.remake([b"%d" % n for n in range(7)])
            batches = await polled(feed, records(7))
            assert (numbers(batches), before) == ([*range(7)], [(one.topic, 0)])
            assert {batch.topic_id for batch in batches} == {positions.asked[-1].topic_id}
    assert len({log.topic_id for log in positions.asked}) == times + 1


async def test_a_topic_is_gone_and_comes_back_later(remaker: tuple[Reading, Remaker]) -> None:
    one, topic = remaker
    topic.append([b"1"])
    async with one.member(Positions()) as feed:
        await polled(feed, records(1))
        one.cluster.delete(one.topic)
        await until(feed, lambda: not feed.owned)
        one.cluster.create(one.topic)
        topic.append([b"2", b"3"])
        assert numbers(await polled(feed, records(2))) == [2, 3]


async def test_a_batch_of_the_topic_that_is_gone_is_no_longer_current(
    remaker: tuple[Reading, Remaker],
) -> None:
    one, topic = remaker
    topic.append([b"1"])
    async with one.member(Positions()) as feed:
        (old,) = await polled(feed, records(1))
        topic.remake([b"2", b"3"])
        (new, *_) = await polled(feed, records(2))
        assert (feed.is_current(old), feed.is_current(new)) == (False, True)


async def test_other_topics_are_read_on_while_one_is_gone(kafka: str, topic_prefix: str) -> None:
    cluster = Cluster(kafka)
    going, staying = (cluster.create(f"{topic_prefix}{name}") for name in ("going", "staying"))
    cluster.append(going, 0, [OutRecord(None, b"1")])
    async with member(kafka, [going, staying], f"{topic_prefix}group", Positions()) as feed:
        await polled(feed, records(1))
        cluster.delete(going)
        cluster.append(staying, 0, [OutRecord(None, b"2")])
        assert numbers(await polled(feed, records(1))) == [2]


@asynccontextmanager
async def member(
    kafka: str,
    topics: Sequence[str],
    group: str,
    stage: Asked,
    shared_out: Callable[[bool], None] = lambda _: None,
) -> AsyncIterator[Feed]:
    feed = Feed(
        KafkaSettings(kafka),
        member=Member(topics, group, "a"),
        positions=stage,
        max_records=1000,
        shared_out=shared_out,
    )
    await feed.start()
    try:
        yield feed
    finally:
        await feed.stop()


def fed(one: Reading, stage: Asked) -> AbstractAsyncContextManager[Feed]:
    return member(one.cluster.bootstrap, [one.topic], one.group, stage)


async def test_partitions_that_came_while_a_lone_member_was_away_are_read(
    remaker: tuple[Reading, Remaker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.kafka.consumer._LOOK_SECONDS", 0.5)
    one, topic = remaker
    async with fed(one, Positions()) as feed:
        await until(feed, lambda: feed.owned)
    one.cluster.repartition(one.topic, 3)
    whole: list[bool] = []
    kafka = one.cluster.bootstrap
    async with member(kafka, [one.topic], one.group, Positions(), whole.append) as feed:
        topic.append([b"7"], partition=2)
        assert numbers(await polled(feed, records(1)), 2) == [7]
        await until(feed, lambda: whole and whole[-1])
    assert False in whole


async def step(stage: Stage, feed: Feed) -> list[Batch]:
    batches = await feed.poll()
    await stage.process(batches)
    return batches


async def refused(stage: Stage, feed: Feed) -> Refusal:
    async with asyncio.timeout(SECONDS):
        with pytest.raises(Refusal) as refusal:  # noqa: PT012 - until it is
            while True:
                await step(stage, feed)
    return refusal.value


async def taken(stage: Stage, feed: Feed, count: int) -> None:
    async with asyncio.timeout(SECONDS):
        while count > 0:
            count -= sum(len(batch.records) for batch in await step(stage, feed))


@pytest.mark.parametrize("times", [1, MANY])
async def test_a_stage_with_a_marker_refuses_it_and_applies_nothing_of_it(
    remaker: tuple[Reading, Remaker], times: int
) -> None:
    one, topic = remaker
    for number in range(times):
        store = FakeStore()
        stage = feature_stage(store, FakeWriter(), clock=FixedClock(NOON))
        topic.remake(events(4, f"old{number}"))
        async with fed(one, stage) as feed:
            stage.reader = feed
            await taken(stage, feed, 4)
            topic.remake(events(9, f"new{number}"))
            refusal = await refused(stage, feed)
        assert "another topic" in str(refusal)
        assert {entity for *_, entity in store.entities} == {f"old{number}-{n}" for n in range(3)}
        assert store.markers[0]["offset"] == "3"


@pytest.mark.parametrize("times", [1, MANY])
async def test_the_logger_refuses_it_and_writes_nothing_of_it(
    remaker: tuple[Reading, Remaker], times: int, tmp_path: Path
) -> None:
    one, topic = remaker
    (layout,) = [layouts(USE_CASE)[Topics.of(USE_CASE).incoming]]
    for number in range(times):
        root = tmp_path / str(number)
        files = LogFiles(root, "one", FaultPoints())
        files.prepare((one.topic,))
        clock = FixedClock(NOON)
        stage = InferenceLogger({one.topic: layout}, files, NEVER, clock, FaultPoints())
        topic.remake(events(4, "old"))
        async with fed(one, stage) as feed:
            stage.reader = feed
            await taken(stage, feed, 4)
            topic.remake(events(9, "new"))
            refusal = await refused(stage, feed)
            await stage.close()
        assert "made again" in str(refusal)
        assert offsets_of(root, topic=one.topic) == [0, 1, 2, 3]


@dataclass
class SourceRig:
    """A handler on a source of its own."""

    one: Reading
    registry: str
    writer: FakeWriter = field(default_factory=FakeWriter)

    def handler(self) -> EventHandler:
        clock = FixedClock(NOON)
        incarnations = Incarnations(KafkaSettings(self.one.cluster.bootstrap), self.registry)
        positions = GroupPositions(Flood(1), FakeResumes(), incarnations, clock, Health(clock))
        handler = Handler(Validator(USE_CASE), Topics.of(USE_CASE), 4)
        return EventHandler(handler, self.writer, positions, FaultPoints())

    def folded(self) -> list[str]:
        """Whose bets have an effect behind the handler, in the order of the output partitions."""
        kept = []
        for partition, log in sorted(self.writer.logs.items()):
            highest = Highest()
            kept += [
                orjson.loads(record.value or b"")["user_id"]
                for record in log
                if highest.admit(origin_of(record, partition.partition))
            ]
        return kept


@pytest.fixture
def source(remaker: tuple[Reading, Remaker], kafka: str, topic_prefix: str) -> SourceRig:
    registry = f"{topic_prefix}incarnations"
    with Admin.connect(KafkaSettings(kafka)) as admin:
        admin.create_kept(registry)
    return SourceRig(remaker[0], registry)


@pytest.mark.parametrize("times", [2, MANY])
async def test_the_handler_takes_each_new_topic_on_by_itself(
    remaker: tuple[Reading, Remaker], source: SourceRig, times: int
) -> None:
    one, topic = remaker
    stage = source.handler()
    async with fed(one, stage) as feed:
        stage.positions.reader = feed
        topic.append(events(5, "first"))
        await taken(stage, feed, 5)
        for number in range(times):
            await stage.positions.commit()
            topic.remake(events(6 + number % 3, f"again{number}"))
            await taken(stage, feed, 6 + number % 3)
    count = 5 + sum(6 + number % 3 for number in range(times))
    assert len(source.folded()) == count


async def test_a_handler_that_was_stalled_over_the_change_writes_nothing_that_counts(
    remaker: tuple[Reading, Remaker], source: SourceRig
) -> None:
    one, topic = remaker
    stalled, other = source.handler(), source.handler()
    topic.append(events(5, "old"))
    async with fed(one, stalled) as feed:
        stalled.positions.reader = feed
        old = await polled(feed, records(5))
        async with fed(one, other) as taking_over:  # the same name: the first one is put out
            other.positions.reader = taking_over
            topic.remake(events(3, "new"))
            await taken(other, taking_over, 3)
            late = [stalled._handled(batch) for batch in old]
            for handled in late:
                for outcome in handled:
                    source.writer.logs.setdefault(outcome.target, []).append(outcome.record)
            topic.append(events(2, "newer"))
            await taken(other, taking_over, 2)
    assert sorted(source.folded()) == ["new-0", "new-1", "new-2", "newer-0", "newer-1"]


async def test_a_commit_of_the_topic_that_is_gone_is_no_position_of_the_new_one(
    remaker: tuple[Reading, Remaker], source: SourceRig
) -> None:
    one, topic = remaker
    first = source.handler()
    topic.append(events(5, "old"))
    async with fed(one, first) as feed:
        first.positions.reader = feed
        await taken(first, feed, 5)
        await first.positions.commit()
        late = dict(first.positions.committed)
        topic.remake(events(9, "new"))
        await feed.commit_noted(late)  # was under way while the topic was made again
        again = source.handler()
        async with fed(one, again) as next_feed:
            again.positions.reader = next_feed
            await taken(again, next_feed, 9)
    assert len(source.folded()) == 14


async def test_a_topic_is_missed_within_seconds(remaker: tuple[Reading, Remaker]) -> None:
    one, topic = remaker
    async with one.member(Positions()) as feed:
        topic.append([b"1"])
        await polled(feed, records(1))
        began = time.monotonic()
        topic.remake([b"2", b"3"])
        await polled(feed, records(2))
        assert time.monotonic() - began < SECONDS
