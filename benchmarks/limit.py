"""Consumes with aiokafka and does nothing with it: what no worker that reads so can exceed.

`python -m benchmarks.limit TOPIC RECORDS COUNT`; reads the topic from its beginning again and again
until it has had so many records, writes how many it had to the file COUNT, and waits for its end.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.settings import Settings, read_settings

_BYTES = 8


async def consume(settings: Settings, topic: str, records: int, count: Path) -> None:
    """Read `records` records, then do nothing."""
    places = [TopicPartition(topic, number) for number in range(settings.partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        had = 0
        with count.open("wb", buffering=0) as file:
            while had < records:
                left = sum(ends.values())
                await consumer.seek_to_beginning(*places)
                while left > 0:
                    found = sum(map(len, (await consumer.getmany(timeout_ms=1_000)).values()))
                    left, had = left - found, had + found
                    os.pwrite(file.fileno(), had.to_bytes(_BYTES, "big"), 0)
        await asyncio.Event().wait()


def counted(count: Path) -> int:
    """How many it has had so far, by the file that it writes."""
    return int.from_bytes(count.read_bytes(), "big") if count.exists() else 0


if __name__ == "__main__":
    name, wanted, into = sys.argv[1:]
    asyncio.run(consume(read_settings(os.environ), name, int(wanted), Path(into)))
