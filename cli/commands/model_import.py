"""`pipeline model import`: a model that somebody trained with scikit-learn becomes a version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.console import tell
from cli.runs import settings_of
from pipeline.errors import Refusal
from pipeline.manifest import versions_of

_ROWS = 10_000
_SEED = 1
_NEXT = "it serves nobody yet: pipeline model challenge {0} --shadow, or promote {0}"


def import_model(
    file: Annotated[
        Path, typer.Argument(dir_okay=False, help="A .joblib, .pkl or .bin of scikit-learn.")
    ],
    *,
    use_case: Annotated[
        str | None, typer.Option(help="For which; without it that of PIPELINE_USE_CASE.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Load the file, which runs the code inside.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Rows to compare answers on: a dataset, or a form's table in CSV."
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=100, help="How many to draw without --data.")] = _ROWS,
    threshold: Annotated[
        float, typer.Option(min=0.001, max=0.999, help="The probability from which it says churn.")
    ] = 0.5,
) -> None:
    """Bring in a scikit-learn classifier as the next version, converted to ONNX. It serves nobody.

    Its answers are compared on many rows with those of the file; what cannot be proved equal is
    refused. Columns are found by their names, or are all inputs in the declared order.

    Example: pipeline model import churn.joblib --use-case telecom_churn --trust
    """
    from training.importing.importer import Order  # noqa: PLC0415 - brings scikit-learn: an extra, and a second
    from training.importing.loading import load_trusted, read  # noqa: PLC0415 - the same
    from training.importing.shelving import shelve  # noqa: PLC0415 - the same
    from training.importing.targets import target_of  # noqa: PLC0415 - the same

    settings = settings_of(os.environ)
    target = target_of(use_case or settings.use_case)
    found = read(file)
    if not trust:
        raise Refusal(
            f"loading {file.name} (SHA-256 {found.sha256}) runs whatever code is inside",
            "If you know who made it, say so: --trust",
        )
    sample = target.held(data) if data else target.drawn(rows, _SEED)
    tell(f"loading {file.name} (SHA-256 {found.sha256}) runs its code, which you trust")
    loaded = load_trusted(found)
    is_first = not versions_of(settings.models_dir, target.name)
    made = shelve(settings.models_dir, Order(target, threshold, _SEED), found, loaded, sample)
    training = made.manifest.training
    tell(f"{made.folder}: {made.manifest.algorithm}, {len(made.content):,} bytes in ONNX")
    tell(
        f"equal answers on {training['proved_on']}: they differ by "
        f"{training['largest_difference']:.1e} at most"
    )
    for name in training["ignored"]:
        tell(f"{name} changes none of these answers: is it what the file calls by that name?")
    tell("the only version, so it serves" if is_first else _NEXT.format(made.manifest.version))
