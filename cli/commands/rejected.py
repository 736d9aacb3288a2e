"""`pipeline rejected`: which records could not be used, why, and how to send them again."""

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
from cli.records.reading import TopicReader
from cli.records.rejects import Reason, Reject, by_reason, reject_of
from cli.records.replaying import Tallies, look
from cli.records.replaying import replay as replay_rejected
from cli.records.replays import Choice
from cli.records.showing import exact, printable
from cli.runs import settings_of
from generator.progress import progress_bar
from pipeline.times import parse_time
from pipeline.topics import Topics

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Ask what was rejected, and why; replay it."
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


@app.command()
def replay(
    *,
    reasons: Annotated[
        list[str] | None, typer.Option("--reason", help="Only this reason; may be repeated.")
    ] = None,
    stages: Annotated[
        list[str] | None, typer.Option("--stage", help="Only this stage's; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Rejected then or later, as 2026-01-31.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Rejected before, as 2026-01-31T12:00:00Z.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Records a second; without it as fast as it goes.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Do it; without it nothing is sent.")
    ] = False,
) -> None:
    """Send rejected records to the source again, each once however often this is run.

    Shows what it would do, unless --send is given. Only what event_handler rejected goes to the
    source; its key and value are as they were. What is rejected again may be replayed again.

    Example: pipeline rejected replay --reason missing_field --since 2026-01-31 --send
    """
    choice = Choice(
        frozenset(stages or ()), frozenset(reasons or ()), _moment(since), _moment(until)
    )
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    if not send:
        tallies = look(settings, case, choice)
        _tell(tallies, f"nothing was sent; --send replays {_due(tallies)} records")
        return
    with progress_bar(None) as progress:
        tallies = replay_rejected(settings, case, choice, rate, progress)
    _tell(tallies, f"{_due(tallies)} records were replayed into {Topics.of(case).generated}")


def _moment(text: str | None) -> int | None:
    """A time, or a day's beginning in UTC, in microseconds. Raises typer.BadParameter."""
    if text is None:
        return None
    try:
        return parse_time(text if len(text) > len("2026-01-31") else f"{text} 00:00:00")
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time, such as 2026-01-31T12:00:00Z") from error


def _due(tallies: Tallies) -> int:
    return sum(one.due for one in tallies.values())


def _tell(tallies: Tallies, end: str) -> None:
    if not tallies:
        typer.echo("nothing of that kind was rejected")
        return
    table = Table(caption="not from source: a later stage's, which are no source records")
    for name in ("stage", "reason", "rejected", "to replay", "replayed before", "too large"):
        table.add_column(name, overflow="fold")
    table.add_column("not from source")
    for (stage, reason), one in sorted(tallies.items()):
        counts = (one.found, one.due, one.replayed, one.too_large, one.not_from_source)
        table.add_row(Text(stage), Text(reason), *(f"{count:,}" for count in counts))
    Console().print(table)
    typer.echo(end)


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
