"""`pipeline train`: a new version of a case's model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import use_cases
from cli.console import tell
from cli.runs import settings_of
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import readable_folder, versions_of
from pipeline.registry import keep_champion
from pipeline.settings import Settings
from pipeline.world import WorldSize
from training import command
from training.command import EVENTS, SEED, USERS, FromDataset, FromWorld, Order, TwoCosts
from training.costs import USUAL, Costs
from training.forms import command as form_command

app = typer.Typer(add_completion=False)


@app.command()
def train(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            help="What to learn from: a file of `pipeline dataset`, or for a case that is scored "
            "from the request a CSV table; without it the case's own seeded world."
        ),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Under which version; without it the next one.")
    ] = None,
    users: Annotated[int | None, typer.Option(min=1, help="How many to invent.")] = None,
    events: Annotated[
        int | None, typer.Option(min=0, help="Events of each after registering.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the world and of the parts.")] = None,
    costs: TwoCosts | None = None,
) -> None:
    """Train a version of the use case's model: the best of several kinds, judged on users held out.

    Writes it with its manifest, card and report under PIPELINE_MODELS; a refusal writes nothing.
    The first version serves at once, a later one when `pipeline model promote` says so. The same
    data and seed give the same bytes. It takes minutes, and needs neither Kafka nor Redis.

    Example: pipeline train --data churn.parquet --costs 5 40
    """
    settings = settings_of(os.environ)
    models, name = settings.models_dir, settings.use_case
    free = _free_version(settings, version)
    priced = Costs(*costs) if costs else USUAL
    if name in use_cases.forms():
        if events is not None:
            raise typer.BadParameter("--events is for cases that are folded from a stream")
        form = use_cases.load_form(name)
        made = form_command.make(form, int(free), data, None, users, seed, priced)
        keep_champion(models, name)
        form_command.write(models, form, made)
        return
    case = _with_model(use_cases.load(name))
    seed = SEED if seed is None else seed
    size = WorldSize(users or USERS, EVENTS if events is None else events, seed)
    source = FromDataset(data) if data else FromWorld(size)
    order = Order(case, free, models, source, seed, priced)
    trained = command.make(order, tell)
    keep_champion(models, name)
    command.write(order, trained, tell)


def _free_version(settings: Settings, asked: int | None) -> str:
    """The version asked for, or the next one. Raises Refusal where it is there already."""
    there = versions_of(settings.models_dir, settings.use_case)
    version = str(asked or int(there[-1] if there else 0) + 1)
    if version in there:
        raise Refusal(
            f"{readable_folder(settings.models_dir, settings.use_case, version)} is there already",
            "Leave --version out for the next one",
        )
    return version


def _with_model(case: UseCase) -> UseCase:
    if case.model is None:
        raise Refusal(f"{case.name} declares no model", "Name its inputs in the declaration")
    return case
