"""`pipeline demo`: everything once, on this machine, with a report."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console

from cli.demo.run import run_demo
from cli.stack.servers import demo_directory
from pipeline.exit_codes import ExitCode
from pipeline.world import WorldSize

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    *,
    users: Annotated[int, typer.Option(min=1, help="How many users.")] = 2_000,
    events: Annotated[int, typer.Option(min=1, help="Events of each after registering.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another world.")] = 1,
    rate: Annotated[
        float | None, typer.Option(help="Events a second; without it as fast as possible.")
    ] = None,
) -> None:
    """Run the whole pipeline on a generated world, check every number, and report.

    Its data stays under .pipeline/; `pipeline up --resume` goes on with it. Ends with 0 only if
    every check holds.

    Example: pipeline demo --users 500 --events 50 --seed 7
    """
    size = WorldSize(users, events, seed)
    directory = demo_directory(os.environ)
    if not run_demo(os.environ, directory, size, rate, Console()):
        raise typer.Exit(ExitCode.FAILED)
