"""`pipeline rejected`: which records could not be used, and why."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

import use_cases
from cli.console import say
from cli.endings import Failed
from cli.reading import TopicReader
from cli.rejects import Reason, Reject, by_reason, reject_of
from cli.runs import settings_of
from cli.showing import exact, printable
from pipeline.topics import Topics

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Ask what was rejected, and why."
)


@app.command("list")
def list_reasons(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Count the rejected records by reason, the most frequent first.

    Example: pipeline rejected list
    """
    with _reader() as reader:
        records = reader.between(reader.starts(), reader.ends())
        reasons = by_reason(reject_of(record) for record in records)
    if as_json:
        typer.echo(json.dumps([asdict(reason) for reason in reasons]))
    elif reasons:
        Console().print(_table(reasons))
    else:
        typer.echo("nothing was rejected")


@app.command()
def show(
    partition: Annotated[int, typer.Argument(min=0)],
    offset: Annotated[int, typer.Argument(min=0)],
) -> None:
    """Print one rejected record: why, where it came from, and its bytes, escaped.

    Example: pipeline rejected show 3 17
    """
    with _reader() as reader:
        starts, ends = reader.starts(), reader.ends()
        if not starts.get(partition, 0) <= offset < ends.get(partition, 0):
            raise Failed(f"there is no rejected record at partition {partition}, offset {offset}")
        only = {**ends, partition: offset}
        found = next(reject_of(record) for record in reader.between(only, ends))
    _print(Console(), found)


@contextmanager
def _reader() -> Iterator[TopicReader]:
    settings = settings_of(os.environ, "KAFKA")
    topic = Topics.of(use_cases.load(settings.use_case)).rejected
    with TopicReader.connect(settings.kafka, topic) as reader:
        yield reader


def _table(reasons: list[Reason]) -> Table:
    table = Table(caption="`pipeline rejected show PARTITION OFFSET` shows one of them")
    for name in ("stage", "reason", "records", "such as partition", "offset"):
        justify: JustifyMethod = "left" if name in ("stage", "reason") else "right"
        table.add_column(name, justify=justify, overflow="fold")
    for one in reasons:
        cells = (one.stage, one.reason, f"{one.count:,}", str(one.partition), str(one.offset))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _print(console: Console, found: Reject) -> None:
    why = f"{found.reason}, {found.detail}" if found.detail else found.reason
    say(console, f"rejected by {printable(found.stage.encode())}: {printable(why.encode())}")
    say(console, f"origin      {printable(found.origin.encode())}")
    say(console, f"key         {exact(found.key)}")
    say(console, f"value       {exact(found.value)}")
