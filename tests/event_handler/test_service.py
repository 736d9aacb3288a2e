"""The commit is the position, and moves only after everything is acknowledged."""

from __future__ import annotations

from itertools import repeat

import orjson
import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from event_handler.core import Handler
from event_handler.service import EventHandler
from pipeline.errors import Fatal, InfrastructureError
from pipeline.faults import FaultPoints
from pipeline.origin import Origin
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord
from pipeline.topics import Topics
from pipeline.validation import Validator
from tests.support.events import SOURCE_ID, bet, consumed
from tests.support.fakes import FakeFeed, FakeWriter, origin_of
from tests.support.properties import FEW
from use_cases.first_day_churn import USE_CASE

TOPICS = Topics.of(USE_CASE)
PARTITIONS = 4
Records = list[ConsumerRecord[bytes, bytes]]


class Rig:
    """One process of the handler on a fake feed and a fake writer."""

    def __init__(
        self, logs: dict[int, Records], writer: FakeWriter | None = None, faults: str = ""
    ) -> None:
        self.writer = writer or FakeWriter()
        self.feed = FakeFeed(logs, repeat(3), topic=TOPICS.generated, topic_id=SOURCE_ID)
        handler = Handler(Validator(USE_CASE), TOPICS, PARTITIONS)
        self.stage = EventHandler(handler, self.writer, FaultPoints.parse(faults))
        self.stage.reader = self.feed

    async def run(self) -> None:
        await self.feed.run(self.stage)

    def restarted(self, committed: dict[tuple[str, int], int] | None = None) -> Rig:
        """A new process; the group knows what was committed, or an older commit."""
        again = Rig(dict(self.feed.logs), self.writer)
        given_back = self.feed.committed_offsets if committed is None else committed
        again.feed.committed_offsets = dict(given_back)
        return again

    def effects(self) -> list[tuple[Origin, bytes | None]]:
        """What comes out by the origin rule, on both topics."""
        topics = (TOPICS.incoming, TOPICS.rejected)
        records = [one for topic in topics for one in self.writer.effective(topic)]
        return sorted((origin_of(one), one.value) for one in records)


def source_log(partition: int, length: int = 20) -> Records:
    """Bets of several users, every fifth record malformed."""
    return [
        consumed(
            b"not json" if n % 5 == 4 else orjson.dumps(bet(n, f"u{(n + partition) % 7}")),
            topic=TOPICS.generated,
            partition=partition,
            offset=n,
        )
        for n in range(length)
    ]


def logs() -> dict[int, Records]:
    return {partition: source_log(partition) for partition in range(3)}


EXPECTED = sorted(
    Origin(SOURCE_ID, partition, offset) for partition in range(3) for offset in range(20)
)


def origins(rig: Rig) -> list[Origin]:
    return [origin for origin, _ in rig.effects()]


async def test_every_record_comes_out_once_on_one_of_two_topics() -> None:
    rig = Rig(logs())
    await rig.run()
    assert origins(rig) == EXPECTED
    assert sum(map(len, rig.writer.logs.values())) == len(EXPECTED)


async def test_one_user_is_in_one_partition_whatever_partition_it_came_from() -> None:
    rig = Rig(logs())
    await rig.run()
    for (topic, partition), records in rig.writer.logs.items():
        if topic == TOPICS.incoming:
            assert {partition_of(one.key or b"", PARTITIONS) for one in records} == {partition}


async def test_each_output_partition_is_in_origin_order() -> None:
    rig = Rig(logs())
    await rig.run()
    for records in rig.writer.logs.values():
        for partition in range(3):
            mine = [o for o in map(origin_of, records) if o.partition == partition]
            assert mine == sorted(mine)


async def test_what_is_acknowledged_is_committed() -> None:
    rig = Rig(logs())
    await rig.run()
    assert rig.feed.committed_offsets == {(TOPICS.generated, n): 20 for n in range(3)}


async def test_a_failed_write_commits_nothing_and_is_written_again_from_its_first_origin() -> None:
    rig = Rig({0: source_log(0)})
    batches = await rig.feed.poll(rig.stage)
    rig.writer.failures = [2]
    with pytest.raises(InfrastructureError):
        await rig.stage.process(batches)
    assert rig.feed.committed_offsets == {}
    await rig.stage.process(batches)
    assert rig.feed.committed_offsets == {(TOPICS.generated, 0): 3}
    assert rig.writer.deliveries[0] == rig.writer.deliveries[1]


async def test_without_a_commit_the_log_is_read_from_its_beginning() -> None:
    rig = Rig({0: source_log(0)})
    rig.feed.starts = {0: 6}
    (batch,) = await rig.feed.poll(rig.stage)
    assert batch.start == 6


async def test_a_batch_of_an_earlier_reading_is_not_written() -> None:
    rig = Rig({0: source_log(0)})
    batches = await rig.feed.poll(rig.stage)
    rig.feed.rebalance()
    await rig.stage.process(batches)
    assert rig.writer.logs == {}


@pytest.mark.parametrize("point", ["before-outputs", "after-outputs"])
@pytest.mark.parametrize("passage", [1, 3])
async def test_a_crash_at_any_point_loses_and_doubles_nothing(point: str, passage: int) -> None:
    first = Rig(logs(), faults=f"{point}=raise:{passage}")
    with pytest.raises(Fatal):
        await first.run()
    second = first.restarted()
    await second.run()
    assert origins(second) == EXPECTED


@FEW
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 20)), max_size=5))
async def test_commits_that_are_lost_lose_and_double_nothing(
    crashes: list[tuple[int, int]],
) -> None:
    """Each process dies after some polls; the next begins at an older commit."""
    rig = Rig(logs())
    for polls, back in crashes:
        for _ in range(polls):
            await rig.stage.process(await rig.feed.poll(rig.stage))
        older = {
            place: max(offset - back, 0) for place, offset in rig.feed.committed_offsets.items()
        }
        rig = rig.restarted(older)
    await rig.run()
    assert origins(rig) == EXPECTED


async def test_a_rejected_record_carries_its_bytes() -> None:
    rig = Rig({0: source_log(0, 5)})
    await rig.run()
    (rejected,) = rig.writer.effective(TOPICS.rejected)
    assert isinstance(rejected, OutRecord)
    assert rejected.value == b"not json"
