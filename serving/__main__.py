"""Runs the scoring stage: `python -m serving`."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import use_cases
from pipeline.errors import Refusal
from pipeline.first_records import FirstRecords
from pipeline.kafka.outputs import Outputs
from pipeline.kafka.reading_back import OutputReader
from pipeline.keys import SCORES, Keys
from pipeline.process import Process, run_worker
from pipeline.stateful import Stateful
from pipeline.store.client import connect, warn_unless_durable
from pipeline.store.store import Store
from pipeline.store.sweeping import Sweeper
from pipeline.worker import run
from serving.core import STAGE, ServingCore
from serving.holder import ModelHolder, keep_following


async def work(process: Process) -> None:
    """Wire the stage and run it until the end is asked for."""
    settings, case = process.settings, process.case
    if case.model is None:
        raise Refusal(f"{case.name} has no model, and nothing to score", "Run no serving for it")
    holder = ModelHolder.load(settings.models_dir, case)
    keep_following(holder.follow)
    topics = await process.topics_ready(process.topics.features)
    client = connect(settings.redis)
    await process.when_up(lambda: warn_unless_durable(client))
    outputs = Outputs(settings.kafka)
    await process.when_up(outputs.start)
    keys, inferences = Keys(case.name, SCORES), process.topics.inferences
    scorer = ThreadPoolExecutor(1)  # a model has one thread, not the loop's
    stage = Stateful(
        name=STAGE,
        core=ServingCore(case, process.topics, holder, process.clock, process.faults),
        store=Store(client, keys, ServingCore.fields),
        sweeper=Sweeper(client, keys),
        outputs=outputs,
        delivering=FirstRecords(inferences, outputs, OutputReader(settings.kafka, inferences)),
        fingerprint=case.fingerprint,
        effect="score",
        clock=process.clock,
        faults=process.faults,
        partitions=settings.partitions,
        moved=process.health.worked,
        computing=partial(asyncio.get_running_loop().run_in_executor, scorer),
    )
    stage.reader = feed = process.feed(topics, stage)
    await process.when_up(feed.start)
    await run(stage, feed, process.health, process.stopping)


if __name__ == "__main__":
    sys.exit(run_worker(STAGE, "Score the features of each serving record.", use_cases.load, work))
