"""What training is asked for, and the command `python -m training` that asks for it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer
from rich.console import Console
from rich.progress import track

import use_cases
from pipeline.declaration import UseCase
from pipeline.manifest import model_folder, write_model
from pipeline.world import WorldSize
from training.card import card
from training.costs import USUAL, Costs
from training.data.dataset import read_dataset
from training.optimum import OPTIMA, Optimum
from training.report import reports
from training.source import table_of_world, world_of
from training.table import Table
from training.train import Plan, Say, Trained, train

SEED = 20_250  # not the demo's, so that the demo's users are new to the model
USERS = 8_000
EVENTS = 100

Users = Annotated[int, typer.Option(min=1, help="How many users to invent.")]
Events = Annotated[int, typer.Option(min=0, help="Events of each after registering.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed: another world, other parts.")]
TwoCosts = Annotated[
    tuple[float, float],
    typer.Option(
        metavar="OFFER CHURNER", help="What an offer costs, and a churner who got none: one unit."
    ),
]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Material:
    """What to learn from, where it came from, and the best possible where that is known."""

    table: Table
    source: dict[str, Any]
    optimum: Optimum | None


class Source(Protocol):
    """Where the material comes from."""

    def material(self, case: UseCase, say: Say) -> Material:
        """All of it. Raises Refusal where it cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class FromWorld:
    """The use case's own world, of this size."""

    size: WorldSize

    def material(self, case: UseCase, say: Say) -> Material:
        """The scores of the whole world. Raises SettingsError where the case has none."""
        size = self.size
        world = world_of(case.name, size)
        say(f"{world.total:,} events of {size.users:,} users to read ...")
        table = table_of_world(case, world, size.end)
        return Material(table, self._source(case), OPTIMA.get(case.name))

    def _source(self, case: UseCase) -> dict[str, Any]:
        size = self.size
        described = (
            f"the world of {case.name} with {size.users:,} users, {size.events:,} events each "
            f"and seed {size.seed}"
        )
        return {
            "source": described,
            "users": size.users,
            "events": size.events,
            "seed": size.seed,
            "end": size.end,
        }


@dataclass(frozen=True, slots=True)
class FromDataset:
    """A dataset that `pipeline dataset` wrote."""

    path: Path

    def material(self, case: UseCase, say: Say) -> Material:
        """Its rows. Raises Refusal unless it is whole and holds what the case's model reads."""
        dataset = read_dataset(self.path)
        dataset.check(case)
        say(f"{self.path}: scores of {dataset.table.count_users():,} users")
        described = f"the dataset of SHA-256 {dataset.source['sha256'][:12]}, from the log"
        return Material(dataset.table, {"source": described, "dataset": dict(dataset.source)}, None)


@dataclass(frozen=True, slots=True)
class Order:
    """A version of a case's model to be made under `models`, from what, and at which costs."""

    case: UseCase
    version: str
    models: Path
    source: Source
    seed: int
    costs: Costs = USUAL


def run(order: Order, say: Say) -> None:
    """Train, and write the version's folder. Raises Refusal."""
    write(order, make(order, say), say)


def make(order: Order, say: Say) -> Trained:
    """Train, and write nothing. Raises Refusal."""
    material = order.source.material(order.case, say)
    say(f"{len(material.table.labels):,} scores to learn from and to judge by ...")
    plan = Plan(
        order.case, order.version, order.seed, order.costs, material.optimum, track=_tracked
    )
    return train(plan, material.table, material.source, say)


def write(order: Order, trained: Trained, say: Say) -> None:
    """Write the version's folder, over one that is there, and say how good it is."""
    folder = model_folder(order.models, order.case.name, order.version)
    purpose = importlib.import_module(f"use_cases.{order.case.name}").__doc__ or ""
    manifest = trained.manifest
    write_model(folder, manifest, trained.content, card(manifest, purpose), reports(trained))
    say(f"{folder}: {_summary(trained)}")


def command(  # noqa: PLR0913 - one argument for each option
    *,
    use_case: Annotated[str, typer.Option(help="Whose model.")] = "first_day_churn",
    version: Annotated[int, typer.Option(min=1, help="Under which version.")] = 1,
    data: Annotated[
        Path | None, typer.Option(help="A file of `pipeline dataset` to learn from instead.")
    ] = None,
    users: Users = USERS,
    events: Events = EVENTS,
    seed: Seed = SEED,
    costs: TwoCosts = (USUAL.offer, USUAL.churner),
    out: Annotated[Path, typer.Option(help="The folder of all models.")] = Path("models"),
) -> None:
    """Train a version of a use case's model on its own seeded world, over one that is there.

    The same arguments give the same bytes. Example: python -m training --version 2 --users 4000
    """
    source = FromDataset(data) if data else FromWorld(WorldSize(users, events, seed))
    case = use_cases.load(use_case)
    run(Order(case, str(version), out, source, seed, Costs(*costs)), typer.echo)


def _tracked(items: Sequence[_T], words: str) -> Iterable[_T]:
    """Show a progress bar, where there is a terminal, until the last item is done."""
    return track(items, words, transient=True, disable=not Console().is_terminal)


def _summary(trained: Trained) -> str:
    metrics = trained.manifest.metrics
    figures = f"log loss {metrics['log_loss']:.4f}, accuracy {metrics['accuracy']:.4f}"
    return f"{trained.manifest.algorithm}, {figures}, SHA-256 {trained.manifest.sha256[:12]}"
