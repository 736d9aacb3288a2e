"""`pipeline resume`: let the handler go on after a flood."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

import use_cases
from cli.runs import settings_of
from cli.state.pauses import by_pause, let_go_on, read_pauses
from event_handler.core import STAGE
from pipeline.kafka.admin import Admin


class Pausing(StrEnum):
    """The stages that pause."""

    EVENT_HANDLER = STAGE


app = typer.Typer(add_completion=False)


@app.command()
def resume(
    stage: Annotated[Pausing, typer.Argument(help="The stage that is paused.")],
) -> None:
    """Let a paused stage go on, once you have looked at what was rejected.

    All that stands in its topics by now is let through; what comes later is counted anew.

    Example: pipeline resume event_handler
    """
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    with Admin.connect(settings.kafka) as admin:
        paused = read_pauses(admin, case)
        if not paused:
            typer.echo(f"{stage.value} is not paused")
            return
        waiting = let_go_on(admin, case, paused)
    for one in by_pause(paused):
        typer.echo(
            f"{stage.value} goes on within seconds in {len(one.partitions)} partitions of "
            f"{one.topic}, paused since {one.since}"
        )
    for topic, count in waiting.items():
        typer.echo(f"{count} records that wait in {topic} are let through")
