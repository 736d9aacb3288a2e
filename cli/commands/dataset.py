"""`pipeline dataset`: what models were told, and what became of the users, as a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import use_cases
from cli.datasets import default_path, epochs_of
from cli.endings import Failed
from cli.runs import settings_of
from cli.verifying import verify
from pipeline.clock import SystemClock
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.lookups import LookupTables
from pipeline.parquet.verification import note
from pipeline.settings import Settings
from pipeline.times import format_time, parse_time
from training.data.audit import PLAUSIBLE_AUC, audit, refuse
from training.data.build import Span, build
from training.data.dataset import source_path, write_dataset
from training.data.labels import LabelsBy, labels_by

app = typer.Typer(add_completion=False)


@app.command()
def dataset(
    out: Annotated[
        Path | None,
        typer.Argument(metavar="[OUT]", help="The file; a JSON file beside it says what it is."),
    ] = None,
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="Only scores as of this time or later, RFC 3339.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Only scores, and nothing of the labels, from before this time."),
    ] = None,
    labels: Annotated[
        LabelsBy | None,
        typer.Option(help="What tells who churned; without it the outcome, if one is declared."),
    ] = None,
    limit: Annotated[
        float,
        typer.Option(min=0.5, max=1, help="From which AUC on a single feature is implausible."),
    ] = PLAUSIBLE_AUC,
    verify_only: Annotated[
        bool,
        typer.Option(
            "--verify", help="Only compare all logged inputs with the fold of the log, bit for bit."
        ),
    ] = False,
) -> None:
    """Make a table of the features that were scored, as they were logged, with their labels.

    Ends with 1 if an audit finds that it would give the answer away. Workers may run meanwhile.

    Example: pipeline dataset churn.parquet --until 2025-07-01T00:00:00Z
    """
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    if case.model is None:
        raise Refusal(f"{case.name} has no model, and nothing was scored", "Name another use case")
    if verify_only:
        _verify(case, settings)
        return
    span = Span(_moment("--from", start), _moment("--until", until))
    kind = labels_by(case, labels)
    made = build(case, epochs_of(settings.parquet_dir, case), kind, span)
    for why, count in made.source["left_out"].items():
        typer.echo(f"left out: {count:,} scores {why}")
    if not len(made.rows):
        raise Failed("there is no score with a label; is the log in PIPELINE_DATA?")
    refuse(audit(case, made.rows, made.source, limit))
    path = out or default_path(settings)
    write_dataset(path, made.rows, made.source)
    churned, users = made.source["users_churned"], made.source["users"]
    typer.echo(f"{path}: {len(made.rows):,} scores of {users:,} users, {churned:,} of whom churned")
    typer.echo(f"{source_path(path)} says where they came from")


def _verify(case: UseCase, settings: Settings) -> None:
    tables = LookupTables(settings.lookups_dir, case)
    now = format_time(SystemClock().now())
    found = verify(case, settings.parquet_dir, settings.partitions, tables.table, now)
    if settings.parquet_dir.is_dir():
        note(settings.parquet_dir, found)
    for name, count in found.mismatches.items():
        typer.echo(f"{name}: {count:,} of {found.compared:,} differ")
    if not found.ok:
        raise Failed(f"logged inputs: {found.verdict}")
    typer.echo(f"logged inputs: {found.verdict}")


def _moment(option: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is {error}") from None
