"""`pipeline sql`: the features as SQL over the log in Parquet."""

from __future__ import annotations

import os
from typing import Annotated

import typer

import use_cases
from cli.runs import settings_of
from pipeline.parquet.sql import features_sql
from pipeline.parquet.sql_views import Engine, views_sql
from pipeline.times import parse_time

app = typer.Typer(add_completion=False)


@app.command()
def sql(
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Read windows as of this time, RFC 3339; without it, as of each newest event."
        ),
    ] = None,
    views: Annotated[
        Engine | None,
        typer.Option(help="Print instead what makes the views that it reads, for this engine."),
    ] = None,
) -> None:
    """Print one SQL text that computes every feature of everyone from the log in Parquet.

    It runs on DuckDB and on Spark, after the views of --views have been made there.

    Example: pipeline sql --as-of 2026-01-31T00:00:00Z
    """
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    if views:
        text = views_sql(case, views, settings.parquet_dir, settings.lookups_dir)
    else:
        text = features_sql(case, None if as_of is None else _moment(as_of))
    typer.echo(text, nl=False)


def _moment(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(f"--as-of is {error}") from error
