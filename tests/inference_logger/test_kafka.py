"""The worker itself on a real broker; what it logged is compared with what was produced."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import orjson

from inference_logger.__main__ import work
from inference_logger.service import STAGE
from pipeline.clock import SystemClock
from pipeline.control import lookup_record
from pipeline.declaration import UseCase
from pipeline.faults import FaultPoints
from pipeline.health import Health
from pipeline.kafka.admin import Admin
from pipeline.kafka.outputs import Outputs
from pipeline.process import Process
from pipeline.records import Deliveries, OutRecord, Target
from pipeline.settings import Settings, read_settings
from pipeline.topics import Topics, group_of
from pipeline.worker import Stopping
from tests.inference_logger.rig import CASE, rows_of
from tests.support.events import (
    V1,
    bet,
    caused_by,
)

DEADLINE_SECONDS = 60


def settings_for(kafka: str, data: Path) -> Settings:
    return read_settings(
        {
            "PIPELINE_KAFKA": kafka,
            "PIPELINE_PARTITIONS": "2",
            "PIPELINE_DATA": str(data),
            "PIPELINE_INSTANCE": "one",
            "PIPELINE_LOGGER_SECONDS": "0.2",
        }
    )


def process_of(case: UseCase, settings: Settings) -> Process:
    clock = SystemClock()
    return Process(
        STAGE, case, settings, Topics.of(case), clock, FaultPoints(), Health(clock), Stopping()
    )


def all_is_committed(case: UseCase, settings: Settings) -> bool:
    places = [(topic, partition) for topic in Topics.of(case).logged for partition in range(2)]
    with Admin.connect(settings.kafka) as admin:
        ends = admin.ends(places)
        return admin.committed(group_of(case, STAGE)) == ends


async def run_until_all_is_logged(case: UseCase, settings: Settings) -> None:
    process = process_of(case, settings)
    worker = asyncio.create_task(work(process))
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        while not await asyncio.to_thread(all_is_committed, case, settings):
            assert not worker.done()
            assert time.monotonic() < deadline
    finally:
        process.stopping.set()
        await worker


def records(case: UseCase, first: int, count: int) -> Deliveries:
    topics = Topics.of(case)
    found: dict[Target, list[OutRecord]] = {}
    for n in range(first, first + count):
        partition = n % 2
        value = orjson.dumps(bet(n, event_id=f"event {n}"))
        event = OutRecord(b"u1", value, tuple(caused_by(n, partition)))
        reason = (("stage", b"serving"), ("reason", b"not_json"))
        rejected = OutRecord(None, None, (*caused_by(n, partition), *reason))
        found.setdefault(Target(topics.incoming, partition), []).append(event)
        found.setdefault(Target(topics.rejected, partition), []).append(rejected)
    return found


async def test_what_is_produced_is_logged_once_over_a_restart(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    case = replace(CASE, name=topic_prefix.strip("-"), topic_prefix=topic_prefix)
    settings = settings_for(kafka, tmp_path)
    topics = Topics.of(case)
    with Admin.connect(settings.kafka) as admin:
        admin.create(topics, partitions=2)
    outputs = Outputs(settings.kafka)
    await outputs.deliver(records(case, 0, 1_000))
    control = lookup_record("socioeconomic_idx", V1)
    await outputs.deliver({Target(topics.incoming, 0): [control]})
    await run_until_all_is_logged(case, settings)
    await outputs.deliver(records(case, 990, 1_000))  # ten of them again
    await outputs.close()
    await run_until_all_is_logged(case, settings)

    incoming = rows_of(settings.parquet_dir, topics.incoming)
    events = [row for row in incoming if row["kind"] == "event" and not row["replayed"]]
    assert sorted(row["bet_amount"] for row in events) == [float(n) for n in range(1_990)]
    assert Counter(row["kind"] for row in incoming) == {"event": 2_000, "control": 1}
    assert Counter(row["replayed"] for row in incoming) == {False: 1_991, True: 10}
    for partition in (0, 1):
        offsets = [row["offset"] for row in incoming if row["partition"] == partition]
        assert offsets == list(range(len(offsets)))
    rejected = rows_of(settings.parquet_dir, topics.rejected)
    assert Counter((row["reason"], row["replayed"]) for row in rejected) == {
        ("not_json", False): 1_990,
        ("not_json", True): 10,
    }


def test_the_worker_says_what_it_is() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "inference_logger", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "PIPELINE_" in said.stdout
