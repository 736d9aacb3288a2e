"""`pipeline runs`: what `pipeline up` and `pipeline demo` have left, and how to be rid of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import tell
from cli.runs import ROOT, named_run, own_runs, read_note, to_resume
from embedded.runs import Run, remove, sweep
from pipeline.errors import Refusal

_MB = 1e6

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="See and remove the runs under .pipeline/."
)


@app.command("list")
def list_runs(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the runs, the one that was used last first: how large, how many records, running or not.

    Example: pipeline runs list
    """
    runs = own_runs()
    rows = [_row(run) for run in runs]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    Console().print(_table(rows))
    if any(run.is_running for run in runs):
        return
    resumed = to_resume(runs)
    tell(f"`pipeline up --resume` goes on with {resumed.name}" if resumed else "Begin: pipeline up")


@app.command("remove")
def remove_runs(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Which.")] = None,
    *,
    keep: Annotated[
        int | None,
        typer.Option(min=0, help="Remove all but so many that hold data, and those that run."),
    ] = None,
) -> None:
    """Remove runs with all they hold: Kafka's log, Redis's data, Parquet, lookup tables, logs.

    A run whose stack is running is refused. Models stay.

    Example: pipeline runs remove --keep 1
    """
    if bool(names) == (keep is not None):
        raise typer.BadParameter("name runs, or say how many to --keep")
    sweep(ROOT)
    runs = own_runs()
    removed = [named_run(name, runs) for name in names or ()] if keep is None else _rest(runs, keep)
    for run in removed:
        if run.is_running:
            raise Refusal(f"run {run.name} is running", "Stop it first, with Ctrl-C")
    for run in removed:
        size = run.bytes()
        remove(run)
        tell(f"removed {run.name}, {size / _MB:,.0f} MB")


def _rest(runs: list[Run], keep: int) -> list[Run]:
    """All but those that run and the `keep` that were used last of those that hold data."""
    stopped = [run for run in runs if not run.is_running]
    kept = [run.name for run in stopped if run.holds_data][:keep]
    return [run for run in stopped if run.name not in kept]


def _row(run: Run) -> dict[str, Any]:
    note = read_note(run.directory)
    return {
        "run": run.name,
        "running": run.is_running,
        "use_case": note.use_case if note else "",
        "records": run.records(),
        "bytes": run.bytes(),
        "last_used": datetime.fromtimestamp(run.used_at, UTC).isoformat(timespec="seconds"),
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table()
    for name in ("run", "", "use case"):
        table.add_column(name, overflow="fold")
    for name in ("records", "MB", "last used"):
        table.add_column(name, justify="right", overflow="fold")
    for row in rows:
        state = "running" if row["running"] else ""
        figures = (f"{row['records']:,}", f"{row['bytes'] / _MB:,.0f}", row["last_used"])
        table.add_row(*map(Text, (row["run"], state, row["use_case"], *figures)))
    return table
