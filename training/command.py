"""The command `train`: makes a model from a use case's world, as `python -m training`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

import use_cases
from pipeline.manifest import model_folder, write_model
from pipeline.world import WorldSize
from training.card import card
from training.source import table_of_world, world_of
from training.train import Plan, Say, Trained, train

SEED = 20_250  # not the demo's, so that the demo's users are new to the model


def command(
    *,
    use_case: Annotated[str, typer.Option(help="Whose model.")] = "first_day_churn",
    version: Annotated[int, typer.Option(min=1, help="Under which version.")] = 1,
    users: Annotated[int, typer.Option(min=1, help="How many users to invent.")] = 8_000,
    events: Annotated[int, typer.Option(min=0, help="Events of each after registering.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another world.")] = SEED,
    out: Annotated[Path, typer.Option(help="The folder of all models.")] = Path("models"),
) -> None:
    """Train a version of a use case's model on its own seeded world.

    The same arguments give the same bytes. Example: python -m training --version 2 --users 4000
    """
    folder = model_folder(out, use_case, str(version))
    trained = train_on_world(use_case, str(version), WorldSize(users, events, seed), typer.echo)
    purpose = importlib.import_module(f"use_cases.{use_case}").__doc__ or ""
    write_model(folder, trained.manifest, trained.content, card(trained.manifest, purpose))
    typer.echo(f"{folder}: {_summary(trained)}")


def train_on_world(use_case: str, version: str, size: WorldSize, say: Say) -> Trained:
    """A model trained on the world of this size. Raises Refusal where none may be shipped."""
    case = use_cases.load(use_case)
    world = world_of(use_case, size)
    say(f"{world.total:,} events of {size.users:,} users to read ...")
    table = table_of_world(case, world, size.end)
    say(f"{len(table.labels):,} scores to learn from and to judge by ...")
    return train(Plan(case, version, size.seed), table, _source(use_case, size), say)


def _source(use_case: str, size: WorldSize) -> dict[str, Any]:
    described = (
        f"the world of {use_case} with {size.users:,} users, {size.events:,} events each "
        f"and seed {size.seed}"
    )
    return {
        "source": described,
        "users": size.users,
        "events": size.events,
        "seed": size.seed,
        "end": size.end,
    }


def _summary(trained: Trained) -> str:
    metrics = trained.manifest.metrics
    figures = f"log loss {metrics['log_loss']:.4f}, accuracy {metrics['accuracy']:.4f}"
    return f"{trained.manifest.algorithm}, {figures}, SHA-256 {trained.manifest.sha256[:12]}"
