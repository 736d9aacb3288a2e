"""Runs the feature stage: `python -m stream_features`."""

from __future__ import annotations

import sys

import use_cases
from pipeline.kafka.outputs import Outputs
from pipeline.keys import FEATURES, Keys
from pipeline.lookups import LookupTables
from pipeline.process import Process, run_worker
from pipeline.stateful import Stateful
from pipeline.store.client import connect, warn_unless_durable
from pipeline.store.store import Store
from stream_features.core import STAGE, FeatureCore
from stream_features.service import FeatureApp


async def work(process: Process) -> None:
    """Wire the stage and run it until the end is asked for."""
    settings, case = process.settings, process.case
    topics = await process.topics_ready(process.topics.incoming)
    client = connect(settings.redis)
    await process.when_up(lambda: warn_unless_durable(client))
    outputs = Outputs(settings.kafka)
    await process.when_up(outputs.start)
    tables = LookupTables(settings.lookups_dir, case, process.clock)
    core = FeatureCore(
        case, process.topics, tables.table, settings.cached_entities, tables.can_come
    )
    stage = Stateful(
        name=STAGE,
        core=core,
        store=Store(client, Keys(case.name, FEATURES), core.fields),
        outputs=outputs,
        fingerprint=case.fingerprint,
        effect="feature",
        clock=process.clock,
        faults=process.faults,
        partitions=settings.partitions,
        moved=process.health.worked,
        held=process.health.waits,
    )
    stage.reader = feed = process.feed(topics, stage)
    await process.when_up(feed.start)
    await FeatureApp(f"{case.name}-{STAGE}", stage, feed, process.health).run(process.stopping)


if __name__ == "__main__":
    sys.exit(run_worker(STAGE, "Fold events into online features.", use_cases.load, work))
