"""`pipeline features`: what is known of one entity now."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import use_cases
from cli.console import say
from cli.endings import Failed
from cli.entity import Entity, read_entity
from cli.runs import settings_of
from cli.showing import printable
from pipeline.times import format_time

app = typer.Typer(add_completion=False)


@app.command()
def features(
    entity: Annotated[str, typer.Argument(metavar="USER_ID", help="The entity, as in its events.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look up a user's features and latest score in Redis.

    Example: pipeline features 5d1f3a09-17
    """
    settings = settings_of(os.environ, "REDIS")
    case = use_cases.load(settings.use_case)
    found = read_entity(settings, case, entity)
    if found.features is None:
        raise Failed(f"no event of {case.entity} {printable(entity.encode())} has been folded yet")
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        _show(Console(), case.entity, found)


def _show(console: Console, kind: str, found: Entity) -> None:
    newest = "" if found.as_of is None else f", as of its newest event, {format_time(found.as_of)}"
    say(console, f"{kind} {found.name}, partition {found.partition}{newest}")
    console.print(_table("feature", found.features or {}))
    if found.score:
        console.print(_table("latest score", found.score))
    else:
        say(console, "It has not been scored yet.")


def _table(what: str, values: Mapping[str, object]) -> Table:
    table = Table()
    table.add_column(what)
    table.add_column("value", justify="right", overflow="fold")
    for name, value in values.items():
        table.add_row(Text(name), Text(str(value)))
    return table
