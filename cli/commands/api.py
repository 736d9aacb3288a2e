"""`pipeline api`: scores over HTTP, until Ctrl-C."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from rich.console import Console

from cli.console import say
from cli.runs import environment, find, is_set
from cli.stack.api_port import check_address
from pipeline.settings import read_settings

_APP = "serving.http.app:app"
_END_SECONDS = 10

app = typer.Typer(add_completion=False)


@app.command()
def api(
    *,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="The port.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="How many processes share the port.")] = 1,
) -> None:
    """Answer over HTTP: scores of users and of requests, events in, metrics, /docs.

    Finds a running `pipeline up` by itself; without one, requests that bring all they need are
    scored all the same. Without keys (`pipeline keys add`) only programs on this machine may ask
    for users or send events.

    Example: pipeline api --port 8000
    """
    complete = environment(os.environ, find(os.environ))
    asked = {"PIPELINE_HTTP_HOST": host, "PIPELINE_HTTP_PORT": port}
    complete |= {name: str(value) for name, value in asked.items() if value is not None}
    settings = read_settings(complete)
    os.environ.update(complete)  # what the processes that serve will read
    http = settings.http
    check_address(http.host, http.port)
    say(Console(), f"http://{_shown(http.host)}:{http.port}/docs  Ctrl-C ends it")
    if lacking := [name for name in ("Kafka", "Redis") if not is_set(complete, name.upper())]:
        say(Console(), f"No {' and no '.join(lacking)} is known here: see `pipeline up`")
    with tempfile.TemporaryDirectory(prefix="pipeline-metrics-") as together:
        if processes > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(Path(together))
        uvicorn.run(
            _APP,
            host=http.host,
            port=http.port,
            workers=processes,
            loop="uvloop",
            http="serving.http.protocol:OneWrite",  # httptools
            ws="none",
            log_config=None,
            access_log=False,  # it would name users
            server_header=False,
            proxy_headers=bool(http.proxies),
            forwarded_allow_ips=list(http.proxies),
            timeout_graceful_shutdown=_END_SECONDS,
        )


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
