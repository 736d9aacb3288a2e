"""Puts a lookup table in force: an immutable file first, then a control record everywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cli.endings import Failed
from pipeline.control import lookup_record
from pipeline.declaration import UseCase
from pipeline.kafka.outputs import Outputs
from pipeline.lookups import install
from pipeline.records import Target
from pipeline.settings import Settings
from pipeline.topics import Topics


def load_lookup(settings: Settings, case: UseCase, source: Path, name: str) -> str:
    """Load the table in the CSV file `source`; returns its version once all partitions know it.

    Raises Refusal for a bad table, and InfrastructureError. Blocks; needs no event loop.
    """
    version = install(source, settings.lookups_dir, case, name)
    asyncio.run(_announce(settings, case, name, version))
    return version


def only_lookup(case: UseCase) -> str:
    """The name of the one lookup that the case declares. Raises Failed where there are others."""
    names = [lookup.name for lookup in case.lookups]
    if len(names) != 1:
        raise Failed(f"say which lookup it is: --name {' or --name '.join(names) or 'of none'}")
    return names[0]


async def _announce(settings: Settings, case: UseCase, name: str, version: str) -> None:
    topic, record = Topics.of(case).incoming, lookup_record(name, version)
    outputs = Outputs(settings.kafka)
    try:
        await outputs.deliver(
            {Target(topic, number): [record] for number in range(settings.partitions)}
        )
    finally:
        await outputs.close()
