"""Runs the logger: `python -m inference_logger`."""

from __future__ import annotations

import asyncio
import sys

import use_cases
from inference_logger.files import LogFiles
from inference_logger.service import STAGE, InferenceLogger
from inference_logger.tables import layouts
from pipeline.kafka.fetching import IN_BULK
from pipeline.parquet.verification import publish
from pipeline.process import Process, run_worker
from pipeline.topics import logged_with_offers, offer_topics
from pipeline.worker import run


async def work(process: Process) -> None:
    """Wire the stage and run it until the end is asked for."""
    settings, topics = process.settings, process.topics.logged
    if settings.offers.on:
        topics = logged_with_offers(process.case)
        for topic in offer_topics(process.case):
            await process.topic_made(topic)
    known = layouts(process.case)
    files = LogFiles(settings.parquet_dir, settings.instance, process.faults)
    await process.when_up(lambda: asyncio.to_thread(files.prepare, topics, settings.partitions))
    publish(process.case, settings.parquet_dir)
    topics = await process.topics_ready(*topics)
    stage = InferenceLogger(known, files, settings.logger, process.clock, process.faults)
    stage.reader = feed = process.feed(topics, stage, IN_BULK)
    await process.when_up(feed.start)
    await run(stage, feed, process.health, process.stopping)


if __name__ == "__main__":
    sys.exit(run_worker(STAGE, "Keep the topics as Parquet.", use_cases.load, work))
