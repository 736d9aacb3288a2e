"""`pipeline forget`: erase what is kept of one entity."""

from __future__ import annotations

import os
from typing import Annotated

import typer

import use_cases
from cli.forgetting import forget_entity
from cli.records.showing import printable
from cli.runs import settings_of

app = typer.Typer(add_completion=False)


@app.command()
def forget(
    entity: Annotated[str, typer.Argument(metavar="USER_ID", help="The entity, as in its events.")],
) -> None:
    """Erase a user's features, latest score, and what marketing remembers of the user.

    By a record that every worker comes to in turn. An event that comes later begins anew. Kafka and
    Parquet keep the events that they hold.

    Example: pipeline forget 5d1f3a09-17
    """
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    partition = forget_entity(settings, case, entity)
    typer.echo(
        f"{case.entity} {printable(entity.encode())} is erased once the workers come to it, in "
        f"partition {partition}; Kafka and Parquet keep the events that they hold"
    )
