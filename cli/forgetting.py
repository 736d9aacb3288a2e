"""Puts the record that erases an entity in the log."""

from __future__ import annotations

import asyncio

from pipeline.control import erase_record
from pipeline.declaration import UseCase
from pipeline.errors import DataError, Refusal
from pipeline.kafka.admin import Admin
from pipeline.kafka.carrying import append
from pipeline.partitioner import partition_of
from pipeline.records import Target
from pipeline.settings import Settings
from pipeline.topics import Topics
from pipeline.validation import checked_entity


def forget_entity(settings: Settings, case: UseCase, entity: str) -> int:
    """Return the partition in which the erase record is acknowledged.

    Raises Refusal for what is no entity's id, and InfrastructureError. Blocks; needs no event loop.
    """
    try:
        checked_entity({case.entity: entity}, case.entity)
    except DataError as error:
        raise Refusal(f"that is no {case.entity}: {error}", "Write it as in its events") from error
    topic = Topics.of(case).incoming
    with Admin.connect(settings.kafka) as admin:
        admin.check({topic: 1}, settings.partitions)
    partition = partition_of(entity.encode(), settings.partitions)
    asyncio.run(append(settings.kafka, Target(topic, partition), erase_record(entity)))
    return partition
