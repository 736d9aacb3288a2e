"""`pipeline prepare`: what must be there before the workers start."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

import use_cases
from cli.lookup_loading import load_lookup
from cli.runs import settings_of
from generator.lookup_file import write_lookup
from generator.stream import world_of
from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Admin
from pipeline.lookups import make_homes
from pipeline.settings import Settings
from pipeline.topics import Topics
from pipeline.world import WorldSize

app = typer.Typer(add_completion=False)

_PAUSE = 1.0


@app.command()
def prepare(
    *,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for Kafka.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="The generated world's seed.")] = 1,
) -> None:
    """Make the topics, and put the generated world's lookup tables in force if none is yet.

    Example: pipeline prepare --wait 60
    """
    settings = settings_of(os.environ, "KAFKA")
    if _topics_made(settings, time.monotonic() + wait):
        typer.echo("the topics are there, and what stands in them stays in force")
        return
    for name, version in _load_lookups(settings, seed):
        typer.echo(f"{name} {version} is in force")


def _topics_made(settings: Settings, deadline: float) -> bool:
    """Make what is missing; True if events have been written before. Blocks until `deadline`."""
    while True:
        try:
            return _make_topics(settings)
        except InfrastructureError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)


def _make_topics(settings: Settings) -> bool:
    case = use_cases.load(settings.use_case)
    topics = Topics.of(case)
    make_homes(settings.lookups_dir, case)
    with Admin.connect(settings.kafka) as admin:
        admin.create(topics, settings.partitions)
        admin.check(topics.ours, settings.partitions)
        places = [(topics.incoming, number) for number in range(settings.partitions)]
        return all(end > 0 for end in admin.ends(places).values())


def _load_lookups(settings: Settings, seed: int) -> list[tuple[str, str]]:
    case = use_cases.load(settings.use_case)
    tables = world_of(case.name)(WorldSize(users=1, events=0, seed=seed)).lookups()
    loaded = []
    with tempfile.TemporaryDirectory() as folder:
        for lookup in case.lookups:
            path = Path(folder) / f"{lookup.name}.csv"
            write_lookup(path, lookup, tables[lookup.name])
            loaded.append((lookup.name, load_lookup(settings, case, path, lookup.name)))
    return loaded
