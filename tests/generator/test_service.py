from __future__ import annotations

from collections.abc import Iterator, Sequence

from generator.service import generate
from pipeline.world import SourceRecord

RECORDS = [SourceRecord(b"key", str(number).encode()) for number in range(25)]


class FakeSink:
    def __init__(self) -> None:
        self.batches: list[list[SourceRecord]] = []

    async def send(self, records: Sequence[SourceRecord]) -> None:
        self.batches.append(list(records))


class InTens:
    async def allowance(self) -> int:
        return 10


async def test_all_records_are_sent_in_their_order() -> None:
    sink = FakeSink()
    await generate(iter(RECORDS), sink, InTens())
    assert [record for batch in sink.batches for record in batch] == RECORDS


async def test_no_batch_is_larger_than_the_pace_allows() -> None:
    sink = FakeSink()
    await generate(iter(RECORDS), sink, InTens())
    assert [len(batch) for batch in sink.batches] == [10, 10, 5]


async def test_it_tells_how_many_were_sent() -> None:
    assert await generate(iter(RECORDS), FakeSink(), InTens()) == 25


async def test_progress_is_told_after_each_batch() -> None:
    told: list[int] = []
    await generate(iter(RECORDS), FakeSink(), InTens(), told.append)
    assert told == [10, 20, 25]


async def test_a_record_is_taken_only_when_it_may_go_out() -> None:
    taken: list[SourceRecord] = []
    left_at_sending: list[int] = []

    def source() -> Iterator[SourceRecord]:
        for record in RECORDS:
            taken.append(record)
            yield record

    class Looking(FakeSink):
        async def send(self, records: Sequence[SourceRecord]) -> None:
            await super().send(records)
            left_at_sending.append(len(RECORDS) - len(taken))

    await generate(source(), Looking(), InTens())
    assert left_at_sending == [15, 5, 0]
