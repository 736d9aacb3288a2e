"""`pipeline lookup load`: put a lookup table in force."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import use_cases
from cli.lookup_loading import load_lookup, only_lookup
from cli.runs import settings_of
from pipeline.kafka.admin import Admin
from pipeline.topics import Topics

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Load lookup tables.")


@app.callback()
def lookup() -> None:
    """Load lookup tables."""


@app.command()
def load(
    file: Annotated[
        Path, typer.Argument(help="A CSV file with the header <key>,<lookup>.", dir_okay=False)
    ],
    *,
    name: Annotated[
        str | None, typer.Option(help="Which lookup; needed where a use case has several.")
    ] = None,
) -> None:
    """Check a table, keep it under its content's hash, and put it in force from here on.

    It holds for who registers after it; nobody who is registered changes.

    Example: pipeline lookup load socioeconomic_idx.csv
    """
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    with Admin.connect(settings.kafka) as admin:
        admin.check({Topics.of(case).incoming: 1}, settings.partitions)
    chosen = name or only_lookup(case)
    version = load_lookup(settings, case, file, chosen)
    typer.echo(f"{chosen} {version} is in force in all {settings.partitions} partitions")
