"""`pipeline describe`: a dataset in figures and pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from cli.datasets import default_path
from cli.endings import Failed
from cli.runs import settings_of
from pipeline.disk import write_whole
from training.data.dataset import read_rows, read_source
from training.data.describe import by_importance, describe
from training.data.report import page

app = typer.Typer(add_completion=False)


@app.command(name="describe")
def command(
    dataset: Annotated[
        Path | None,
        typer.Argument(help="What `pipeline dataset` wrote; without it, its usual place."),
    ] = None,
) -> None:
    """Write what a dataset holds beside it, as a page with pictures and as JSON.

    Histograms by label, missing values, correlation, and what each input alone says of the label.

    Example: pipeline describe churn.parquet
    """
    path = dataset or default_path(settings_of(os.environ))
    source = read_source(path)
    try:
        described = describe(read_rows(path, source), source)
    except ValueError as error:
        raise Failed(f"{path} cannot be described: {error}") from error
    for suffix, text in (
        (".description.json", json.dumps(described, indent=2) + "\n"),
        (".description.html", page(described)),
    ):
        written = path.with_suffix(suffix)
        write_whole(written, text.encode())
        typer.echo(written)
    for name, told in by_importance(described)[:3]:
        typer.echo(
            f"{name} alone: {told['information']:.4f} bits of the label, AUC {told['auc']:.4f}"
        )
