"""Runs the marketing stage: `python -m marketing`."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import use_cases
from marketing.core import STAGE, OffersCore
from marketing.remembering import KIND
from marketing.service import FINGERPRINT, Offers
from pipeline.kafka.outputs import Outputs
from pipeline.keys import Keys
from pipeline.offers.contacts import ContactsFile
from pipeline.process import Process, run_worker
from pipeline.store.client import connect, warn_unless_durable
from pipeline.store.store import Store
from pipeline.store.sweeping import Sweeper
from pipeline.topics import offers_of
from pipeline.worker import run


async def work(process: Process) -> None:
    """Wire the stage and run it until the end is asked for."""
    settings, case = process.settings, process.case
    topics = await process.topics_ready(process.topics.inferences)
    await process.topic_made(offers_of(case))
    client = connect(settings.redis)
    await process.when_up(lambda: warn_unless_durable(client))
    outputs = Outputs(settings.kafka)
    await process.when_up(outputs.start)
    keys = Keys(case.name, KIND)
    contacts = ContactsFile(settings.lookups_dir, case.name, case.entity)
    reader = ThreadPoolExecutor(1)  # a large table takes seconds to read
    stage = Offers(
        name=STAGE,
        core=OffersCore(case, settings.offers.policy, contacts),
        store=Store(client, keys, OffersCore.fields),
        sweeper=Sweeper(client, keys),
        outputs=outputs,
        fingerprint=FINGERPRINT,
        effect="offer",
        clock=process.clock,
        faults=process.faults,
        partitions=settings.partitions,
        moved=process.health.worked,
        computing=partial(asyncio.get_running_loop().run_in_executor, reader),
    )
    stage.reader = feed = process.feed(topics, stage)
    await process.when_up(feed.start)
    await run(stage, feed, process.health, process.stopping)


if __name__ == "__main__":
    sys.exit(run_worker(STAGE, "Decide who gets an offer.", use_cases.load, work))
