"""The command of `python -m training.forms`: trains a form's model and writes it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer
from sklearn.metrics import classification_report

import use_cases
from pipeline.declaration.form import Form
from pipeline.errors import SettingsError
from pipeline.manifest import model_folder, write_model
from training.command import TwoCosts
from training.conversion import OnnxScorer
from training.costs import USUAL, Costs
from training.forms.card import card
from training.forms.recipes import Recipe, recipe_of
from training.forms.table import FormTable, digest, table_of_csv, table_of_world, worlds_of
from training.forms.train import Plan, Trained, train


def command(  # noqa: PLR0913 - one argument for each option
    *,
    use_case: Annotated[str, typer.Option(help="Whose model.")] = "subscription_churn",
    version: Annotated[int, typer.Option(min=1, help="Under which version.")] = 1,
    data: Annotated[
        Path | None, typer.Option(help="A CSV table with its fields and outcome, to learn from.")
    ] = None,
    world: Annotated[
        str | None, typer.Option(help="Which of its invented worlds; without it the usual one.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=50, help="How many to invent.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of world, split and models.")] = None,
    costs: TwoCosts = (USUAL.offer, USUAL.churner),
    out: Annotated[Path, typer.Option(help="The folder of all models.")] = Path("models"),
) -> None:
    """Train a version of a model that scores requests, on invented ones or on a table.

    The same arguments give the same bytes.

    Example: python -m training.forms --use-case telecom_churn
    """
    form = use_cases.load_form(use_case)
    write(out, form, make(form, version, data, world, rows, seed, Costs(*costs)))


def make(
    form: Form,
    version: int,
    data: Path | None,
    world: str | None,
    rows: int | None,
    seed: int | None,
    costs: Costs,
) -> Trained:
    """Train, and write nothing. Raises Refusal."""
    usual = recipe_of(form.name)
    recipe = Recipe(rows or usual.rows, usual.seed if seed is None else seed, usual.candidates)
    table, source = _table(form, data, world, recipe)
    plan = Plan(form, str(version), recipe.seed, recipe.candidates, costs)
    return train(plan, table, source, typer.echo)


def write(models: Path, form: Form, trained: Trained) -> None:
    """Write the version's folder, over one that is there, and say how good it is."""
    manifest = trained.manifest
    folder = model_folder(models, form.name, manifest.version)
    purpose = importlib.import_module(f"use_cases.{form.name}").__doc__ or ""
    write_model(folder, manifest, trained.content, card(manifest, form, purpose))
    _tell(folder, trained)


def _table(
    form: Form, data: Path | None, world: str | None, recipe: Recipe
) -> tuple[FormTable, dict[str, Any]]:
    """What to learn from, and where it comes from."""
    if data is not None:
        table = table_of_csv(form, data)
        said = f"{len(table.labels):,} {form.subject}s in {data.name}"
        return table, {"source": said, "file": data.name, "file_sha256": digest(data)}
    worlds = worlds_of(form)
    name = world or next(iter(worlds))
    if name not in worlds:
        raise SettingsError(
            f"{form.name} has no world {name!r}", f"Choose one of {', '.join(worlds)}"
        )
    said = f"{recipe.rows:,} invented {form.subject}s, world {name}, seed {recipe.seed}"
    source = {"source": said, "world": name, "rows": recipe.rows, "seed": recipe.seed}
    return table_of_world(form, worlds[name], recipe.rows, recipe.seed), source


def _tell(folder: Path, trained: Trained) -> None:
    manifest, held_out = trained.manifest, trained.held_out
    metrics, best = manifest.metrics, manifest.metrics["optimum"]
    said = OnnxScorer(trained.content).score(held_out.inputs) >= manifest.threshold
    names = ["no churn", "churn"]
    typer.echo(f"accuracy {metrics['accuracy']:.4f} on {len(held_out.labels):,} held out")
    typer.echo(
        classification_report(
            held_out.labels, said, labels=[0, 1], target_names=names, zero_division=0
        )
    )
    possible = f", {best['log_loss']:.4f} at best" if best else ""
    figures = f"log loss {metrics['log_loss']:.4f}{possible}, AUC {metrics['auc']:.4f}"
    typer.echo(f"{folder}: {manifest.algorithm}, {figures}, SHA-256 {manifest.sha256[:12]}")
