"""Runs the event handler: `python -m event_handler`."""

from __future__ import annotations

import sys

import use_cases
from event_handler.core import STAGE, Handler
from event_handler.flood import Flood
from event_handler.incarnations import Incarnations
from event_handler.notes import resume_group
from event_handler.positions import GroupPositions
from event_handler.resumes import CommittedResumes
from event_handler.service import EventHandler
from pipeline.kafka.outputs import Outputs
from pipeline.process import Process, run_worker
from pipeline.topics import incarnations_of
from pipeline.validation import Validator
from pipeline.worker import run


async def work(process: Process) -> None:
    """Wire the stage and run it until the end is asked for."""
    settings = process.settings
    sources = settings.sources or (process.topics.generated,)
    topics = await process.topics_ready(*sources)
    registry = incarnations_of(process.case)
    await process.kept_topic(registry)
    outputs = Outputs(settings.kafka)
    await process.when_up(outputs.start)
    handler = Handler(Validator(process.case), process.topics, settings.partitions)
    resumes = CommittedResumes(settings.kafka, resume_group(process.case), process.clock)
    flood = Flood(settings.flood_share)
    incarnations = Incarnations(settings.kafka, registry)
    positions = GroupPositions(flood, resumes, incarnations, process.clock, process.health)
    stage = EventHandler(handler, outputs, positions, process.faults)
    positions.reader = feed = process.feed(topics, stage)
    await process.when_up(feed.start)
    await run(stage, feed, process.health, process.stopping)


if __name__ == "__main__":
    sys.exit(run_worker(STAGE, "Turn source records into canonical events.", use_cases.load, work))
