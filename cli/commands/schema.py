"""`pipeline schema`: the documents that follow from the declarations."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer

import use_cases
from cli.asyncapi import asyncapi
from cli.runs import environment, find
from pipeline.declaration import UseCase
from pipeline.settings import Settings, read_settings
from serving.http.home import own_version
from serving.http.schemas import event_schema
from serving.http.service import described

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

app = typer.Typer(add_completion=False)


@app.command()
def schema(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Schema of each event.")] = False,
    as_asyncapi: Annotated[
        bool, typer.Option("--asyncapi", help="AsyncAPI 3 of each topic.")
    ] = False,
    as_openapi: Annotated[
        bool, typer.Option("--openapi", help="OpenAPI of `pipeline api`.")
    ] = False,
) -> None:
    """Print the schemas of a case's events, of its topics, or of the HTTP service.

    Example: pipeline schema --asyncapi
    """
    writers = {_events: as_json, _topics: as_asyncapi, _service: as_openapi}
    chosen = [writer for writer, wanted in writers.items() if wanted]
    if len(chosen) != 1:
        raise typer.BadParameter("name one of --json, --asyncapi and --openapi")
    settings = read_settings(environment(os.environ, find(os.environ)))
    document = chosen[0](settings, use_cases.load(settings.use_case))
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _events(_: Settings, case: UseCase) -> dict[str, Any]:
    return {"$schema": _DIALECT, "title": case.name, **event_schema(case)}


def _topics(_: Settings, case: UseCase) -> dict[str, Any]:
    return asyncapi(case, own_version())


def _service(settings: Settings, _: UseCase) -> dict[str, Any]:
    return described(settings)
