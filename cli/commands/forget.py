"""`pipeline forget`: erase what is kept of one entity."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated

import typer

import use_cases
from cli.forgetting import forget_entity
from cli.records.showing import printable
from cli.runs import settings_of
from pipeline.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def forget(
    entity: Annotated[str, typer.Argument(metavar="USER_ID", help="The entity, as in its events.")],
) -> None:
    """Erase a user's features, latest score, and what marketing remembers of the user.

    By a record that every worker comes to in turn. An event that comes later begins anew. It says
    what else holds the user, and until when.

    Example: pipeline forget 5d1f3a09-17
    """
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    partition = forget_entity(settings, case, entity)
    typer.echo(
        f"{case.entity} {printable(entity.encode())} is erased from Redis once the workers come to "
        f"it, in partition {partition}. What still holds the user:"
    )
    for where, until in remains(settings):
        typer.echo(f"  {where}: {until}")


def remains(settings: Settings) -> Iterator[tuple[str, str]]:
    """Where something of an erased entity stays, and until when."""
    yield "Kafka's topics", "until their retention.ms is over"
    days = settings.retention_days
    yield (
        f"Parquet in {settings.parquet_dir}",
        f"until `pipeline compact` removes it, after {days} days"
        if days
        else "for ever, as PIPELINE_RETENTION_DAYS is 0",
    )
    yield (
        f"datasets, as in {settings.data_dir / 'datasets'}",
        "until they are made again or deleted",
    )
    yield "reports, and models made of the log", "as long as they are kept"
    yield "the table of contacts", "until one without the user is loaded"
    yield "Redis's append-only file", "until Redis rewrites it"
    yield "what a killed `pipeline rebuild` or `backfill` left in Redis", "for a day"
