"""`pipeline predict`: the churn score of one customer, without Kafka, Redis or a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import use_cases
from cli.console import say
from cli.endings import Failed
from cli.runs import settings_of
from pipeline.declaration.form import Form
from pipeline.declaration.form_reading import FormError
from pipeline.exit_codes import ExitCode
from serving.forms import FormScorer, Reason

app = typer.Typer(add_completion=False)


@app.command()
def predict(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="One JSON object; - is the input.")],
    *,
    use_case: Annotated[
        str | None,
        typer.Option(help="By which case; without it, by the one whose fields the file has."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score one customer or subscriber, and tell the three fields that moved the score most.

    Example: pipeline predict customer.json
    """
    request = _request(file)
    form = use_cases.load_form(use_case) if use_case else _fitting(request)
    scorer = FormScorer.load(settings_of(os.environ).models_dir, form)
    try:
        row = scorer.decode(request)
    except FormError as error:
        for problem in error.problems:
            typer.echo(f"pipeline: {form.name}: {problem}", err=True)
        raise typer.Exit(ExitCode.FAILED) from error
    probability = float(scorer.score([row])[0])
    if as_json:
        typer.echo(msgspec.json.encode(_answer(scorer, probability, scorer.reasons(row))))
    else:
        _show(Console(), scorer, probability, scorer.reasons(row))


def _request(file: str) -> Mapping[str, Any]:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Failed(f"{file} holds no JSON object") from error


def _fitting(request: Mapping[str, Any]) -> Form:
    """The form with the largest share of its fields in the request."""
    forms = [use_cases.load_form(name) for name in use_cases.forms()]
    best = max(forms, key=lambda form: _share(form, request))
    if not _share(best, request):
        names = ", ".join(form.name for form in forms)
        raise Failed(f"it has no field of {names}")
    return best


def _share(form: Form, request: Mapping[str, Any]) -> float:
    return len(request.keys() & {*form.names}) / len(form.names)


def _answer(scorer: FormScorer, probability: float, reasons: list[Reason]) -> dict[str, Any]:
    return {
        "prediction": scorer.decide(probability),
        "probability": probability,
        "model": scorer.name,
        "version": scorer.version,
        "model_hash": scorer.hash,
        "reasons": reasons,
    }


def _show(console: Console, scorer: FormScorer, probability: float, reasons: list[Reason]) -> None:
    said = f"{scorer.decide(probability)}, probability {probability:.4f}"
    say(console, f"{said}, by {scorer.name} version {scorer.version} ({scorer.hash[:12]})")
    table = Table("field", "value")
    table.add_column(f"against a usual {scorer.form.subject}", justify="right")
    for reason in reasons:
        value = reason.value if isinstance(reason.value, str) else f"{reason.value:,.10g}"
        table.add_row(reason.field, Text(value), f"{reason.moved:+.4f}")
    console.print(table)
