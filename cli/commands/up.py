"""`pipeline up`: Kafka, Redis and all workers, until Ctrl-C."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from cli.console import say
from cli.stack.api_port import with_api_port
from cli.stack.live import shown
from cli.stack.running import Base, base, workers
from cli.stack.servers import run_directory
from cli.stack.supervisor import Supervisor
from cli.stack.watch import Watch
from cli.stack.workers import API, counts_of, page_of

_TICK_SECONDS = 0.1

app = typer.Typer(add_completion=False)


@app.command()
def up(
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest run's data.")
    ] = False,
    worker: Annotated[
        list[str] | None,
        typer.Option("--workers", metavar="STAGE=N", help="How many of a stage; repeatable."),
    ] = None,
) -> None:
    """Run Kafka, Redis, all workers and the API until Ctrl-C.

    Kafka and Redis are embedded ones under .pipeline/ unless PIPELINE_KAFKA and PIPELINE_REDIS
    name others. `--workers api=0` leaves the API out.

    Example: pipeline up --resume --workers stream_features=2
    """
    console = Console()
    counts = counts_of(worker or [])
    directory = run_directory(os.environ, resume=resume)
    tell = partial(say, console)
    try:
        with (
            base(with_api_port(os.environ), directory, tell) as ready,
            workers(ready, counts, tell) as supervisor,
        ):
            _watch(console, ready, supervisor)
    except KeyboardInterrupt:
        tell("Stopped. `pipeline up --resume` goes on where this run was.")


def _watch(console: Console, ready: Base, supervisor: Supervisor) -> None:
    """Keep the workers running, and show how they do, until KeyboardInterrupt or a server's end."""
    watch = Watch(supervisor.workers, ready.case)
    due = 0.0
    with shown(console, _caption(ready, supervisor)) as (show, pause):
        while True:
            now = time.monotonic()
            ready.servers.check()
            dead = supervisor.tick(now)
            if dead or now >= due:
                show(watch.rows(now))
                due = now + pause
            time.sleep(_TICK_SECONDS)


def _caption(ready: Base, supervisor: Supervisor) -> str:
    found = ready.servers.endpoints
    specs = [worker.spec for worker in supervisor.workers if worker.spec.stage == API]
    pages = "".join(f"API {page_of(spec.instance, spec.port)}  " for spec in specs)
    return (
        f"Kafka {found.kafka}  Redis {found.redis_address}  {pages}"
        f"logs {ready.directory / 'logs'}  Ctrl-C stops everything"
    )
