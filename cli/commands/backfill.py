"""`pipeline backfill`: compute a newly declared aggregation for everyone."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

import use_cases
from cli.backfilling import Backfilling
from cli.console import tell
from cli.rebuilding import Rebuilding
from cli.runs import settings_of
from pipeline.kafka.admin import Admin
from pipeline.topics import Topics
from rebuild.added import Added

app = typer.Typer(add_completion=False)


@app.command()
def backfill(
    features: Annotated[
        list[str],
        typer.Argument(
            metavar="FEATURE...", help="What is new or changed: an aggregation, or one's feature."
        ),
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, and how long it takes.")
    ] = False,
) -> None:
    """Compute newly declared aggregations for everyone from Parquet, and hand over to the stream.

    Run it with the new declaration while the workers of the old one go on. It builds the new state
    beside theirs, compares what both have, and takes over at one offset; then they end. Start the
    new workers when it has ended.

    Example: pipeline backfill bet_1h
    """
    settings = settings_of(os.environ, "KAFKA", "REDIS")
    case = use_cases.load(settings.use_case)
    added = Added.of(case, features)
    with Admin.connect(settings.kafka) as admin:
        admin.check(Topics.of(case).ours, settings.partitions)
        work = Backfilling(Rebuilding(settings, case, admin, tell), added)
        asyncio.run(work.rehearse() if dry_run else work.run())
