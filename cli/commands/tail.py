"""`pipeline tail`: the records of a topic, as they come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer

import use_cases
from cli.records.reading import TopicReader, last
from cli.records.showing import as_json, as_line
from cli.records.topic_names import full_name
from cli.runs import settings_of
from pipeline.records import InRecord

app = typer.Typer(add_completion=False)


@app.command()
def tail(
    topic: Annotated[str, typer.Argument(help="Such as inferences, or any other topic.")],
    *,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many old ones.")] = 10,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="All old ones, from the first.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    as_json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with headers.")
    ] = False,
) -> None:
    """Print a topic's last records, then whatever comes, until Ctrl-C.

    Example: pipeline tail inferences --limit 5
    """
    settings = settings_of(os.environ, "KAFKA")
    name = full_name(use_cases.load(settings.use_case), topic)
    show = as_json if as_json_lines else as_line
    with TopicReader.connect(settings.kafka, name) as reader:
        for record in islice(_records(reader, None if from_start else lines), limit):
            typer.echo(show(record))


def _records(reader: TopicReader, old: int | None) -> Iterator[InRecord]:
    """The last `old` records (None: all) by their time, then the new ones as they come."""
    starts, ends = reader.starts(), reader.ends()
    if old is None:
        yield from reader.follow(starts)
    if old:
        found = reader.between(last(starts, ends, old), ends)
        by_time = sorted(found, key=lambda one: (one.timestamp, one.partition, one.offset))
        yield from by_time[-old:]
    yield from reader.follow(ends)
