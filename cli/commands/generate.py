"""`pipeline generate`: send a seeded world, as a source would."""

from __future__ import annotations

import functools
import os

import typer

from cli.runs import environment, find, settings_of
from generator.command import command

app = typer.Typer(add_completion=False)


@app.command(help=(command.__doc__ or "").replace("Example: ", "Example: pipeline "))
@functools.wraps(command)
def generate(**options: object) -> None:
    """Send a seeded world to Kafka; the generator's own command, on the endpoints found here."""
    settings_of(os.environ, "KAFKA")
    os.environ.update(environment(os.environ, find(os.environ)))
    command(**options)  # type: ignore[arg-type] # Typer has checked them against its signature
