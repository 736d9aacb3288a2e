"""`pipeline rebuild`: build the state again from Parquet."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

import use_cases
from cli.console import say
from cli.rebuilding import Rebuilding
from cli.runs import settings_of
from pipeline.kafka.admin import Admin
from pipeline.keys import FEATURES, SCORES
from pipeline.topics import Topics

app = typer.Typer(add_completion=False)


class Kind(StrEnum):
    """What can be rebuilt alone."""

    features = FEATURES
    scores = SCORES


@app.command()
def rebuild(
    kind: Annotated[
        Kind | None, typer.Argument(help="Rebuild only this; without it, both.")
    ] = None,
    *,
    partition: Annotated[
        int | None, typer.Option(min=0, help="Rebuild only this partition; without it, all.")
    ] = None,
) -> None:
    """Build features and latest scores again from Parquet, and put them in place of what is there.

    Workers may run meanwhile. Redis holds both until the old ones are swept.

    Example: pipeline rebuild features --partition 3
    """
    settings = settings_of(os.environ, "KAFKA", "REDIS")
    case, console = use_cases.load(settings.use_case), Console()
    if partition is not None and partition >= settings.partitions:
        raise typer.BadParameter(f"there are {settings.partitions} partitions, from 0 on")
    with Admin.connect(settings.kafka) as admin:
        admin.check(Topics.of(case).ours, settings.partitions)
        work = Rebuilding(settings, case, admin, lambda line: say(console, line))
        numbers = range(settings.partitions) if partition is None else [partition]
        asyncio.run(work.run([kind] if kind else [*Kind], numbers))
