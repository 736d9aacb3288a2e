"""`pipeline ingest`: bring events from a file or a pipe into the pipeline."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

import use_cases
from cli.console import say
from cli.endings import Failed
from cli.records.ingesting import Ingested, ingest_file, ingest_stream
from cli.records.locating import name_of
from cli.runs import settings_of

app = typer.Typer(add_completion=False)


@app.command("ingest")
def command(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="NDJSON; - is the input.")],
) -> None:
    """Send lines of JSON as events: one line, one record, acknowledged before this ends.

    Whatever a line holds is sent; what is no event comes out in `pipeline rejected list`. Each line
    of a file comes in once: run again it goes on where it stopped. A pipe is sent as it is.

    Example: pipeline ingest events.ndjson
    """
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    console, began = Console(stderr=True), time.monotonic()
    with ExitStack() as opened:
        path = Path(file)
        stream = sys.stdin.buffer if file == "-" else opened.enter_context(_open(path))
        is_file = file != "-" and path.is_file()
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        bar = Progress(*columns, console=console, disable=not console.is_terminal)
        opened.enter_context(bar)
        task = bar.add_task("", total=path.stat().st_size if is_file else None)

        def progress(sent: int, read: int) -> None:
            bar.update(task, completed=read, description=f"{sent:,} records")

        if is_file:
            done = ingest_file(settings, case, stream, name_of(path), progress)
        else:
            done = ingest_stream(settings, case, stream, progress)
    for line in _told(done, time.monotonic() - began):
        say(console, line)


def _told(done: Ingested, seconds: float) -> Iterator[str]:
    before = f"; {done.lines_before} lines had come in before" if done.lines_before else ""
    skipped = f"; blank lines left out: {done.blank}" if done.blank else ""
    yield f"{done.records} records acknowledged in {seconds:.1f} s{before}{skipped}"
    if done.unfinished:
        yield (
            "the last line has no end and is no JSON: it was left out; run this again once it is "
            "whole"
        )


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from error
