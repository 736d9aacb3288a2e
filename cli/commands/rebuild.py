"""`pipeline rebuild`: build the state again from Parquet."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from typing import Annotated

import typer

import use_cases
from cli.console import tell
from cli.new_epoch import NewEpoch
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
    new_epoch: Annotated[
        bool,
        typer.Option(
            "--new-epoch",
            help="First begin a new epoch: for a topic that was made again, has another number of "
            "partitions, or lost its end. All workers must be stopped.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Begin a new epoch without asking.")] = False,
) -> None:
    """Build features and latest scores again from Parquet, and put them in place of what is there.

    Workers may run meanwhile. Redis holds both until the old ones are swept.

    Example: pipeline rebuild features --partition 3
    """
    if new_epoch and (kind or partition is not None):
        raise typer.BadParameter("a new epoch is one of everything")
    settings = settings_of(os.environ, "KAFKA", "REDIS")
    case = use_cases.load(settings.use_case)
    if partition is not None and partition >= settings.partitions:
        raise typer.BadParameter(f"there are {settings.partitions} partitions, from 0 on")
    with Admin.connect(settings.kafka) as admin:
        admin.check(Topics.of(case).ours, settings.partitions)
        if new_epoch:
            NewEpoch(settings, case, admin, tell).begin(lambda question: yes or confirm(question))
        work = Rebuilding(settings, case, admin, tell)
        numbers = range(settings.partitions) if partition is None else [partition]
        asyncio.run(work.run([kind] if kind else [*Kind], numbers))


def confirm(question: str) -> bool:
    """Ask a person."""
    return typer.confirm(question)
