"""How good a version is on a dataset's held-out users: the last step of dvc.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

import use_cases
from pipeline.manifest import read_manifest, verified_model
from pipeline.registry import aliases_of
from training.conversion import OnnxScorer
from training.data.dataset import read_dataset
from training.quality import calibration, quality
from training.train import split


def main(
    folder: Annotated[Path, typer.Argument(metavar="VERSION", help="A version's folder.")],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="What it learnt from.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A JSON file of figures.")],
    *,
    models: Annotated[Path, typer.Option(help="Where the shipped champion is.")] = Path("models"),
) -> None:
    """Judge a version by the users it left out, and say whether it is the shipped champion's bytes.

    Example: python -m tools.evaluation models/first_day_churn/1 churn.parquet figures.json
    """
    manifest = read_manifest(folder)
    case = use_cases.load(manifest.use_case)
    held_out = split(case, read_dataset(dataset).table, manifest.seed).held_out
    probabilities = OnnxScorer(verified_model(folder, manifest)).score(held_out.inputs)
    shipped = read_manifest(models / case.name / aliases_of(models, case.name).champion)
    figures = {
        **quality(held_out.labels, probabilities, manifest.threshold),
        "calibration_error": calibration(held_out.labels, probabilities)["expected_error"],
        "rows": len(held_out.labels),
        "sha256": manifest.sha256,
        "is_the_shipped_model": manifest.sha256 == shipped.sha256,
    }
    out.write_text(f"{json.dumps(figures, indent=2)}\n")
    typer.echo(f"log loss {figures['log_loss']}, shipped bytes: {figures['is_the_shipped_model']}")


if __name__ == "__main__":
    typer.run(main)
