"""`pipeline retrain`: from the log to a version in shadow, or in service."""

from __future__ import annotations

import os
from typing import Annotated

import typer

import use_cases
from cli.console import tell
from cli.datasets import epochs_of
from cli.runs import settings_of
from pipeline.clock import SystemClock
from pipeline.errors import Refusal
from pipeline.times import HOUR
from promotion.registrar import Registrar
from promotion.retraining import LEAST_USERS, Retraining, Way
from training.command import TwoCosts
from training.costs import USUAL, Costs
from training.data.build import Span

app = typer.Typer(add_completion=False)

_DAY = 24 * HOUR


@app.command()
def retrain(
    *,
    promote: Annotated[
        bool, typer.Option("--promote", help="Serve at once; without it in shadow first.")
    ] = False,
    least: Annotated[
        int, typer.Option(min=1, help="Users with a new label, below which nothing is done.")
    ] = LEAST_USERS,
    days: Annotated[
        int | None, typer.Option(min=1, help="Learn only from scores of the last so many days.")
    ] = None,
    costs: TwoCosts = (USUAL.offer, USUAL.churner),
) -> None:
    """Train on what the log has learnt since, and put the result on trial if it passes every gate.

    Run again, by cron for instance, it ends the trial once that is decided: who has won is judged
    by the gates once more, and promoted. Where nothing is to do yet it says so and ends with 0, as
    it does after a refusal by a gate, which leaves a record. Killed, it goes on where it was.

    Example: pipeline retrain --least 1000 --days 90
    """
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    if case.model is None:
        raise Refusal(f"{case.name} has no model", "Name another case in PIPELINE_USE_CASE")
    clock = SystemClock()
    decision = Retraining(
        registrar=Registrar(settings.models_dir, case, clock),
        homes=epochs_of(settings.parquet_dir, case),
        kept=settings.data_dir / "datasets" / f"{case.name}-retraining.parquet",
        say=tell,
        way=Way.PROMOTE if promote else Way.SHADOW,
        least=least,
        span=Span(start=clock.now() - days * _DAY if days else None),
        costs=Costs(*costs),
    ).run()
    if decision:
        for gate in decision.gates:
            tell(gate.line)
        tell(decision.line)
