"""A logger that collects dicts and writes a file from a DataFrame for every 8,192 of them.

`python -m benchmarks.naive.logger DIRECTORY RECORDS TOPIC...`; ends when it has logged as many.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
from aiokafka import AIOKafkaConsumer

from benchmarks.naive import ROWS
from pipeline.settings import Settings, read_settings

Rows = dict[str, list[dict[str, Any]]]


async def log(settings: Settings, directory: Path, records: int, topics: list[str]) -> None:
    """Log `records` records of the topics."""
    rows: Rows = {topic: [] for topic in topics}
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=settings.kafka.bootstrap,
        group_id=f"naive-logger-{settings.instance}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    numbers = count()
    async with consumer:
        while records > 0:
            for found in (await consumer.getmany(timeout_ms=1_000)).values():
                records -= len(found)
                for record in found:
                    rows[record.topic].append(row(record))
                    if len(rows[record.topic]) == ROWS:
                        write(directory, record.topic, next(numbers), rows[record.topic])
                        await consumer.commit()
        for topic in topics:
            write(directory, topic, next(numbers), rows[topic])
        await consumer.commit()


def row(record: Any) -> dict[str, Any]:
    """The record's fields, and where it was."""
    fields: dict[str, Any] = json.loads(record.value)
    fields["partition"] = record.partition
    fields["offset"] = record.offset
    fields["timestamp"] = record.timestamp
    return fields


def write(directory: Path, topic: str, number: int, rows: list[dict[str, Any]]) -> None:
    """Write the rows that there are to a file, and forget them."""
    if rows:
        pd.DataFrame(rows).to_parquet(directory / f"{topic}-{number}.parquet", compression="zstd")
        rows.clear()


if __name__ == "__main__":
    into, wanted, *names = sys.argv[1:]
    asyncio.run(log(read_settings(os.environ), Path(into), int(wanted), names))
