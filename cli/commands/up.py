"""`pipeline up`: Kafka, Redis and all workers, until Ctrl-C."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from cli.console import say
from cli.stack.api_port import with_api_port
from cli.stack.live import shown
from cli.stack.running import Base, base, workers
from cli.stack.servers import going_on, introduction, run_directory
from cli.stack.supervisor import Supervisor
from cli.stack.watch import Row, Watch
from cli.stack.workers import API, counts_of, page_of

_TICK_SECONDS = 0.1

app = typer.Typer(add_completion=False)


@app.command()
def up(
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was used last and holds data.")
    ] = False,
    worker: Annotated[
        list[str] | None,
        typer.Option("--workers", metavar="STAGE=N", help="How many of a stage; repeatable."),
    ] = None,
) -> None:
    """Run Kafka, Redis, all workers and the API until Ctrl-C.

    Kafka and Redis are embedded ones under .pipeline/ unless PIPELINE_KAFKA and PIPELINE_REDIS
    name others. Each start is a new run with its own data, unless it goes on with one: `--resume`,
    or `--run NAME`, which begins the run of that name where there is none yet. Where a run is
    running, another is started beside it only by a name. `--workers api=0` leaves the API out.

    Example: pipeline up --resume --workers stream_features=2
    """
    console = Console()
    counts = counts_of(worker or [])
    directory = run_directory(os.environ, resume=resume)
    tell = partial(say, console)
    tell(introduction(directory))
    try:
        with (
            base(with_api_port(os.environ), directory, tell) as ready,
            workers(ready, counts, tell) as supervisor,
        ):
            _watch(console, ready, supervisor)
    except KeyboardInterrupt:
        tell(f"Stopped. `{going_on(directory)}` goes on where this run was.")


def _watch(console: Console, ready: Base, supervisor: Supervisor) -> None:
    """Keep the workers running, and show how they do, until KeyboardInterrupt or a server's end."""
    watch = Watch(supervisor.workers, ready.case)
    due = 0.0
    with shown(console, _caption(ready, supervisor), next_step) as (show, pause):
        while True:
            now = time.monotonic()
            ready.servers.check()
            dead = supervisor.tick(now)
            if dead or now >= due:
                show(watch.rows(now))
                due = now + pause
            time.sleep(_TICK_SECONDS)


def _caption(ready: Base, supervisor: Supervisor) -> str:
    servers = ready.servers.endpoints
    specs = [worker.spec for worker in supervisor.workers if worker.spec.stage == API]
    pages = [f"API {page_of(spec.instance, spec.port)}" for spec in specs]
    return "\n".join(
        (
            "Counted since this start. Ctrl-C stops everything.",
            f"Kafka {servers.kafka}  Redis {servers.redis_address}",
            *pages,
            f"logs {ready.directory / 'logs'}",
        )
    )


def next_step(rows: Sequence[Row]) -> str:
    """What to do where nothing comes in although all is well; else nothing."""
    if any(row.numbers.records_in or not row.is_well for row in rows):
        return ""
    return "No event yet. Send some, in another terminal: pipeline generate --rate 100"
