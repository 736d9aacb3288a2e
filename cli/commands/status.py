"""`pipeline status`: topics, lags, markers, workers and the model in service."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import use_cases
from cli.console import say
from cli.runs import find, settings_of
from cli.stack.workers import page_of
from cli.state.pauses import PauseStatus
from cli.state.status import Status, WorkerStatus, read_status

app = typer.Typer(add_completion=False)


@app.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show topics, the lag of every stage, the markers in Redis, and the model in service.

    Example: pipeline status --json
    """
    settings = settings_of(os.environ, "KAFKA", "REDIS")
    case = use_cases.load(settings.use_case)
    found = read_status(settings, case, find(os.environ).note)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        _print(Console(), found)


def _print(console: Console, found: Status) -> None:
    console.print(_topics(found))
    console.print(_lags(found))
    console.print(_markers(found))
    for worker in found.workers:
        say(console, _worker(worker))
    for one in found.paused:
        say(console, _pause(one))
    say(console, f"model in service: {found.model or 'none that is known here'}")
    if found.challenger:
        say(console, f"challenger: {found.challenger}")
    if found.model_refused:
        say(
            console,
            f"cannot be put in force, see the logs of serving and api: {found.model_refused}",
        )
    if found.verified:
        say(console, f"logged inputs: {found.verified.verdict}")


def _worker(worker: WorkerStatus) -> str:
    line = f"{worker.instance}: {worker.state}, {page_of(worker.instance, worker.port)}"
    if not worker.ended:
        return line
    times = "once" if worker.ended == 1 else f"{worker.ended} times"
    return f"{line}; has ended {times}, the last time: {worker.why}"


def _pause(one: PauseStatus) -> str:
    return (
        f"{one.stage} is paused since {one.since} in partitions {_each(one.partitions)} of "
        f"{one.topic}: {one.rejected_share:.0%} of a minute's records were rejected; "
        f"`pipeline resume {one.stage}` lets it go on"
    )


def _topics(found: Status) -> Table:
    rows = (
        (one.topic, len(one.ends), sum(one.ends) - sum(one.starts), _each(one.ends))
        for one in found.topics
    )
    return _table("topics", ("topic", "partitions", "records", "ends by partition"), rows)


def _lags(found: Status) -> Table:
    rows = ((one.stage, one.topic, sum(one.lags), _each(one.lags)) for one in found.stages)
    return _table("stages", ("stage", "reads", "lag", "lag by partition"), rows)


def _markers(found: Status) -> Table:
    rows = (
        (one.stage, one.partition, one.offset, one.generation, _named(one.lookups))
        for one in found.markers
    )
    columns = ("stage", "partition", "offset", "generation", "lookups")
    return _table("markers", columns, rows)


def _table(title: str, columns: Iterable[str], rows: Iterable[tuple[object, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _each(numbers: Iterable[int]) -> str:
    return " ".join(str(number) for number in numbers)


def _named(lookups: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in lookups.items()) or "none loaded"
