"""`pipeline inference`: one logged score, and whether its model says the same of it today."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console

import use_cases
from cli.console import say
from cli.datasets import epochs_of
from cli.endings import Failed
from cli.records.showing import printable
from cli.reproducing import Reproduced, Row, find_inference, model_of_hash, reproduce
from cli.runs import settings_of
from pipeline.declaration import UseCase
from pipeline.settings import Settings

app = typer.Typer(add_completion=False)

_TOLD = ("id", "scored_at", "event_type", "event_time", "as_of", "version", "model_hash")


@app.command()
def inference(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="As in `inferences`: its origin.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find a score in Parquet, score its logged inputs again, and say what moved it most.

    Ends with 1 if the answer is another one, bit for bit, or the model that gave it is gone.

    Example: pipeline inference AAAAAAAAQACAAAAAAAAAAA/0/4711/0
    """
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    row = find_inference(case, epochs_of(settings.parquet_dir, case), wanted)
    if row is None:
        raise Failed(f"no inference {printable(wanted.encode())} is logged")
    found = _reproduced(settings, case, row)
    if as_json:
        typer.echo(json.dumps({"inference": _shown(case, row), "today": asdict(found)}))
    else:
        _show(Console(), case, row, found)
    if not found.is_same:
        raise Failed(f"model {found.version} says {found.probability!r}, {found.decision} today")


def _reproduced(settings: Settings, case: UseCase, row: Row) -> Reproduced:
    model = model_of_hash(settings.models_dir, case, row["model_hash"])
    if model is None:
        raise Failed(
            f"the model {row['version']} of hash {row['model_hash']} that gave this score is not "
            f"under {settings.models_dir}"
        )
    return reproduce(case, row, model)


def _shown(case: UseCase, row: Row) -> Mapping[str, Any]:
    """What a person may see of it: all but how it was logged."""
    names = (*_TOLD, case.entity, *case.inputs, "probability", "decision")
    return {name: _plain(row[name]) for name in names}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else value.isoformat()


def _show(console: Console, case: UseCase, row: Row, found: Reproduced) -> None:
    for name, value in _shown(case, row).items():
        say(console, f"{name}: {value}")
    same = "the same, bit for bit" if found.is_same else "ANOTHER ANSWER"
    say(console, f"model {found.version} today: {found.probability!r}, {found.decision}: {same}")
    for one in found.moved:
        way = "towards churn" if one.by > 0 else "away from churn"
        say(
            console,
            f"{one.feature} moved it by {abs(one.by):.4f} {way}: {one.value:g} instead of "
            f"{one.neutral:g}, as of someone of whom nothing is known",
        )
