"""`pipeline topics`: make the use case's topics, or check that they are as they must be."""

from __future__ import annotations

import os

import typer

import use_cases
from cli.runs import settings_of
from pipeline.kafka.admin import Admin
from pipeline.lookups import make_homes
from pipeline.topics import Topics

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make topics, or check them.")


@app.command()
def create() -> None:
    """Make those of the use case's topics that are missing; PIPELINE_PARTITIONS says how wide.

    Where PIPELINE_LOOKUPS is set, the directories of the lookups' tables are made too.

    Example: PIPELINE_KAFKA=broker:9092 pipeline topics create
    """
    settings = settings_of(os.environ, "KAFKA")
    case = use_cases.load(settings.use_case)
    topics = Topics.of(case)
    if "PIPELINE_LOOKUPS" in os.environ:
        make_homes(settings.lookups_dir, case)
    with Admin.connect(settings.kafka) as admin:
        made = admin.create(topics, settings.partitions)
        admin.check(topics.ours, settings.partitions)
    typer.echo(f"made {', '.join(made)}" if made else "all topics are there already")


@app.command()
def check() -> None:
    """Refuse, with status 3, topics that would break a promise of the pipeline.

    Example: pipeline topics check
    """
    settings = settings_of(os.environ, "KAFKA")
    topics = Topics.of(use_cases.load(settings.use_case))
    with Admin.connect(settings.kafka) as admin:
        admin.check(topics.ours, settings.partitions)
    typer.echo(f"{len(topics.ours)} topics are as they must be")
