"""`pipeline features`: what is known of one entity, now or as of another moment."""

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
from cli.records.showing import printable
from cli.runs import settings_of
from cli.state.entity import AsOf, Entity, read_entity
from pipeline.clock import Clock, SystemClock
from pipeline.times import format_time, parse_time

app = typer.Typer(add_completion=False)


@app.command()
def features(
    entity: Annotated[str, typer.Argument(metavar="USER_ID", help="The entity, as in its events.")],
    *,
    as_of: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="`now`, `newest` for the newest event's time, or a time like that."
        ),
    ] = "now",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look up a user's features and latest score in Redis.

    Rolling windows are read as of now: of a user who fell silent the last hour is empty.

    Example: pipeline features 5d1f3a09-17 --as-of 2025-07-01T12:00:00Z
    """
    settings = settings_of(os.environ, "REDIS")
    case = use_cases.load(settings.use_case)
    found = read_entity(settings, case, entity, _moment(as_of, SystemClock()))
    if found.features is None:
        raise Failed(f"no event of {case.entity} {printable(entity.encode())} has been folded yet")
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        _show(Console(), case.entity, found)


def _moment(text: str, clock: Clock) -> AsOf:
    """When to read. Never before the newest event: what older windows held is gone by then."""
    if text == "newest":
        return lambda newest: newest
    if text == "now":
        return lambda newest: max(newest, clock.now())
    try:
        asked = parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is {error}") from None

    def not_before(newest: int) -> int:
        if asked < newest:
            raise Failed(f"its newest event is of {format_time(newest)}, and what was before gone")
        return asked

    return not_before


def _show(console: Console, kind: str, found: Entity) -> None:
    say(console, f"{kind} {found.name}, partition {found.partition}")
    say(console, f"as of {_time(found.as_of)}, its newest event is of {_time(found.newest)}")
    console.print(_table("feature", found.features or {}))
    if found.score:
        console.print(_table("latest score", found.score))
    else:
        say(console, "It has not been scored yet.")


def _time(at: int | None) -> str:
    return "no time" if at is None else format_time(at)


def _table(what: str, values: Mapping[str, object]) -> Table:
    table = Table()
    table.add_column(what)
    table.add_column("value", justify="right", overflow="fold")
    for name, value in values.items():
        table.add_row(Text(name), Text(str(value)))
    return table
