"""The command `generate`: as `python -m generator` in a container, and under `pipeline`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

import use_cases
from generator.disorder import Disorder
from generator.kafka_sink import kafka_sink
from generator.lookup_file import write_lookup
from generator.malformed import mixed
from generator.pace import AtRate, FullSpeed, Pace
from generator.progress import progress_shown
from generator.resuming import unsent
from generator.service import generate
from generator.stored import last_values
from generator.stream import Build, drifting_world_of, live, world_of
from pipeline.clock import SystemClock
from pipeline.declaration import UseCase
from pipeline.errors import SettingsError
from pipeline.kafka.admin import Admin
from pipeline.partitioner import partition_of
from pipeline.settings import KafkaSettings, read_settings
from pipeline.topics import Topics
from pipeline.world import SourceRecord, World, WorldSize

_LIVE_RATE = 50.0  # records a second in real time, unless another rate is asked for
_TAIL = 10_000  # records of a partition: others may have written behind the world's own
_CLOCK = SystemClock()


def command(  # noqa: PLR0913 - one argument for each option
    *,
    users: Annotated[int, typer.Option(min=1, help="How many users.")] = 2_000,
    events: Annotated[int, typer.Option(min=0, help="Events of each after registering.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another world.")] = 1,
    rate: Annotated[
        float | None, typer.Option(help="Records a second; without it as fast as possible.")
    ] = None,
    malformed: Annotated[
        float, typer.Option(metavar="SHARE", help="How much of all is malformed, below 1.")
    ] = 0.0,
    duplicate: Annotated[
        float, typer.Option(metavar="SHARE", help="How many good ones come a second time.")
    ] = 0.0,
    late: Annotated[
        float, typer.Option(metavar="SHARE", help="How many come after later ones of their user.")
    ] = 0.0,
    drift: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="After this share of its time churners behave otherwise."
        ),
    ] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Without end, stamped now; 50 a second.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=0, help="Stop after so many records.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on behind what the topic holds of this world.")
    ] = False,
    topic: Annotated[
        str | None, typer.Option(help="Where to; without it the use case's generated-events.")
    ] = None,
    lookups: Annotated[
        Path | None, typer.Option(help="Folder to write the lookup tables to, as CSV.")
    ] = None,
) -> None:
    """Send a seeded world to Kafka.

    Example: generate --users 2000 --events 100 --seed 1 --malformed 0.01 --duplicate 0.05
    """
    if resume and real_time:
        raise SettingsError("in real time there is no world to go on with", "Leave --resume out")
    settings = read_settings(os.environ)
    case, build = use_cases.load(settings.use_case), _build(settings.use_case, drift, real_time)
    size = WorldSize(users, events, seed)
    world = build(size)
    if lookups is not None:
        _write_lookups(lookups, case, world)
    order = Disorder(duplicate, late, seed).of

    def records() -> Iterator[SourceRecord]:
        own = live(build, size, _CLOCK.now, order) if real_time else order(world.events())
        return islice(mixed(own, case, malformed, seed), limit)

    expected = round(world.total * (1 + duplicate) / (1 - malformed)) if limit is None else limit
    pace = _pace(_LIVE_RATE if rate is None and real_time else rate)
    target = topic or Topics.of(case).generated
    chosen = _rest(settings.kafka, target, records) if resume else records()
    with (
        progress_shown(None if resume or (real_time and limit is None) else expected) as meter,
        suppress(asyncio.CancelledError),
    ):
        asyncio.run(_send(settings.kafka, case, target, chosen, pace, meter))
    held = ", which holds the whole world already" if resume and not meter.sent else ""
    typer.echo(f"{meter.sent:,} records sent to {target}{held}")


def _build(use_case: str, drift: float | None, real_time: bool) -> Build:  # noqa: FBT001 - as it was asked for
    if drift is None:
        return world_of(use_case)
    if real_time:
        raise SettingsError(
            "in real time a world follows the other, and the drift would end with each",
            "Ask for --drift without --real-time",
        )
    return drifting_world_of(use_case, drift)


def _pace(rate: float | None) -> Pace:
    return FullSpeed() if rate is None else AtRate(rate, _CLOCK)


async def _send(
    settings: KafkaSettings,
    case: UseCase,
    topic: str,
    records: Iterator[SourceRecord],
    pace: Pace,
    progress: Callable[[int], None],
) -> None:
    """Send `records`, until SIGTERM at the latest."""
    work = asyncio.current_task()
    if work is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    async with kafka_sink(settings, topic, case.events_at_once) as sink:
        await generate(records, sink, pace, progress)


def _rest(
    settings: KafkaSettings, topic: str, records: Callable[[], Iterator[SourceRecord]]
) -> Iterator[SourceRecord]:
    """What of the records the topic does not hold yet."""
    with Admin.connect(settings) as admin:
        partitions = admin.count(topic)
    stored = last_values(settings, topic, partitions, _TAIL)
    return unsent(records, lambda key: partition_of(key or b"", partitions), stored)


def _write_lookups(folder: Path, case: UseCase, world: World) -> None:
    tables = world.lookups()
    for lookup in case.lookups:
        write_lookup(folder / f"{lookup.name}.csv", lookup, tables[lookup.name])
