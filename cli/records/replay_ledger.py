"""The edge of a replay: each record and its entry in the ledger in one Kafka transaction.

The ledger is a compacted topic whose keys are the origins that were replayed.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from cli.records.rejects import Reject
from cli.records.transactions import Transactions, noted, transactions
from pipeline.declaration import UseCase
from pipeline.faults import FaultPoints
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord, Target
from pipeline.settings import KafkaSettings
from pipeline.topics import Topics, ledger_of

HEADER = "replay-of"


def fresh(reject: Reject) -> OutRecord:
    """The record that goes to the source again: key and value as they were, and whence it comes."""
    return OutRecord(reject.key, reject.value, ((HEADER, reject.origin.encode()),))


def stored_bytes(record: OutRecord) -> int:
    """An upper bound of what a broker compares with a topic's `max.message.bytes`."""
    size: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(
        record.key, record.value, list(record.headers)
    )
    return size


def replayed_origins(settings: KafkaSettings, case: UseCase) -> frozenset[str]:
    """What the ledger holds; nothing where there is none yet. Blocks."""
    return frozenset((one.key or b"").decode() for one in noted(settings, ledger_of(case)))


class Replays:
    """Sends records to the source; open it with `replays`."""

    def __init__(self, out: Transactions, case: UseCase, partitions: int) -> None:
        self._out = out
        self._source, self._ledger = Topics.of(case).generated, Target(ledger_of(case), 0)
        self._partitions = partitions

    async def send(self, rejects: Sequence[Reject]) -> None:
        """All of them and their entries in the ledger, or none.

        Raises InfrastructureError, and Failed where another replay has begun.
        """
        records: dict[Target, list[OutRecord]] = defaultdict(list)
        for one in rejects:
            number = partition_of(one.key or b"", self._partitions)
            records[Target(self._source, number)].append(fresh(one))
        entries = [OutRecord(one.origin.encode(), one.reason.encode()) for one in rejects]
        await self._out.write(records, {self._ledger: entries})


@contextlib.asynccontextmanager
async def replays(
    settings: KafkaSettings, case: UseCase, partitions: int, faults: FaultPoints
) -> AsyncIterator[Replays]:
    """What another replay has left unfinished is undone before this is open."""
    async with transactions(settings, f"{case.name}-rejected-replay", "replay", faults) as out:
        yield Replays(out, case, partitions)
