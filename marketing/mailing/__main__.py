"""Runs the sender of e-mails: `python -m marketing.mailing`."""

from __future__ import annotations

import sys

import use_cases
from marketing.mailing.core import KIND, STAGE, MailCore
from marketing.mailing.service import postman_of
from marketing.service import FINGERPRINT, Offers
from pipeline.kafka.outputs import Outputs
from pipeline.keys import Keys
from pipeline.process import Process, run_worker
from pipeline.store.client import connect, warn_unless_durable
from pipeline.store.store import Store
from pipeline.topics import offer_topics, offers_of
from pipeline.worker import run


async def work(process: Process) -> None:
    """Wire the stage and run it until the end is asked for."""
    settings, case = process.settings, process.case
    client, outputs = connect(settings.redis), Outputs(settings.kafka)
    postman = postman_of(process, client, outputs)
    for topic in offer_topics(case):
        await process.topic_made(topic)
    topics = await process.topics_ready(offers_of(case))
    await process.when_up(lambda: warn_unless_durable(client))
    await process.when_up(outputs.start)
    stage = Offers(
        name=STAGE,
        core=MailCore(case),
        store=Store(client, Keys(case.name, KIND), ()),
        outputs=postman,
        fingerprint=FINGERPRINT,
        effect="mail",
        clock=process.clock,
        faults=process.faults,
        partitions=settings.partitions,
        moved=process.health.worked,
    )
    stage.reader = feed = process.feed(topics, stage)
    await process.when_up(feed.start)
    await run(stage, feed, process.health, process.stopping)


if __name__ == "__main__":
    sys.exit(run_worker(STAGE, "Write to whoever gets an offer.", use_cases.load, work))
