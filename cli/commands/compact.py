"""`pipeline compact`: few big Parquet files in place of many small ones, and none too old."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import typer

import use_cases
from cli.endings import Failed
from cli.runs import settings_of
from compaction.dates import Day, Size
from compaction.merging import Merger
from compaction.service import Compactor, Outcome, PutOff
from compaction.tidying import Pass, oldest_of
from pipeline.faults import FaultPoints
from pipeline.topics import logged_with_offers

app = typer.Typer(add_completion=False)


@app.command()
def compact(
    *,
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Only dates before this one; without it, all that are over."
        ),
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this topic; may be given again.")
    ] = None,
    retain: Annotated[
        int | None,
        typer.Option(
            min=0, help="Remove dates that ended more than so many days ago; 0 removes none."
        ),
    ] = None,
    megabytes: Annotated[
        int, typer.Option(min=1, max=1024, help="How big a file may be in memory.")
    ] = 512,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Merge the Parquet files of dates that are over into few, sorted by entity and event time.

    The logger may run meanwhile. What is older than PIPELINE_RETENTION_DAYS is removed first.

    Example: pipeline compact --dry-run
    """
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    today = datetime.now(UTC).date()
    end = before.date() if before else today
    if end > today:
        raise typer.BadParameter("a date is over when the next one has begun, in UTC")
    kept = settings.retention_days if retain is None else retain
    merger = Merger(case.entity, megabytes * 1024**2)
    compactor = Compactor(settings.parquet_dir, merger, FaultPoints.parse(settings.faults))
    topics = _chosen(logged_with_offers(case), topic or ())
    tidying = Pass(compactor, topics, end, oldest_of(today, kept))
    if dry_run:
        for day in tidying.days:
            _foretell(day, tidying.oldest)
        return
    try:
        left = [outcome for outcome in tidying.outcomes() if not _is_done(outcome)]
    except OSError as error:
        raise Failed(f"the log cannot be read or written: {error}") from error
    if left:
        raise Failed(f"{len(left)} dates are left for the next run")


def _chosen(logged: Sequence[str], named: Collection[str]) -> list[str]:
    strange = [name for name in named if name not in logged]
    if strange:
        raise typer.BadParameter(f"{strange[0]} is not logged; {', '.join(logged)} are")
    return [name for name in logged if not named or name in named]


def _foretell(day: Day, oldest: date) -> None:
    if day.date < oldest:
        _tell(day, f"{_size(day.size())} would be removed")
    elif not day.is_compact():
        _tell(day, f"{_size(day.size())} would be merged")


def _is_done(outcome: Outcome) -> bool:
    """Say what became of a date; whether nothing of it is left to do."""
    if isinstance(outcome, PutOff):
        _tell(outcome.day, f"left for the next run: {outcome.why}")
        return False
    done = f"-> {_size(outcome.after)}" if outcome.after.files else "removed"
    _tell(outcome.day, f"{_size(outcome.before)} {done}")
    return True


def _tell(day: Day, what: str) -> None:
    typer.echo(f"{day.topic} {day.date}: {what}")


def _size(size: Size) -> str:
    return f"{size.files:,} files, {size.bytes / 1024**2:,.1f} MB"
