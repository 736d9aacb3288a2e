"""`pipeline doctor`: what is missing here, and how to get it."""

from __future__ import annotations

import os

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.doctor import Finding, Verdict, examine
from pipeline.exit_codes import ExitCode

app = typer.Typer(add_completion=False)


@app.command()
def doctor() -> None:
    """Say what this machine lacks for the pipeline and how to get it; status 1 if it is needed.

    Example: pipeline doctor
    """
    findings = list(examine(os.environ))
    Console().print(_table(findings))
    if any(finding.verdict is Verdict.MISSING for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def _table(findings: list[Finding]) -> Table:
    table = Table()
    for name in ("", "is", "seen", "what to do"):
        table.add_column(name, overflow="fold")
    for one in findings:
        cells = (one.subject, one.verdict, one.seen, one.remedy)
        table.add_row(*(Text(cell) for cell in cells))
    return table
