"""`pipeline ingest`: bring events from a file or a pipe into the pipeline."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

import use_cases
from cli.console import say
from cli.endings import Failed
from cli.records.ingesting import Lines, ingest
from cli.runs import settings_of

app = typer.Typer(add_completion=False)


@app.command("ingest")
def command(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="NDJSON; - is the input.")],
) -> None:
    """Send lines of JSON as events: one line, one record, acknowledged before this ends.

    Whatever a line holds is sent; what is no event comes out in `pipeline rejected list`.

    Example: pipeline ingest events.ndjson
    """
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    console = Console(stderr=True)
    lines, began = Lines(), time.monotonic()
    with ExitStack() as opened:
        stream = sys.stdin.buffer if file == "-" else opened.enter_context(_open(file))
        size = None if file == "-" else Path(file).stat().st_size
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        bar = Progress(*columns, console=console, disable=not console.is_terminal)
        opened.enter_context(bar)
        task = bar.add_task("", total=size)
        sent = ingest(
            settings,
            case,
            stream,
            lines,
            lambda sent, read: bar.update(task, completed=read, description=f"{sent:,} records"),
        )
    skipped = f"; blank lines left out: {lines.blank}" if lines.blank else ""
    say(console, f"{sent} records acknowledged in {time.monotonic() - began:.1f} s{skipped}")


def _open(file: str) -> IO[bytes]:
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}") from error
