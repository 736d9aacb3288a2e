"""Versions of a model to push, under a use case of their own."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import use_cases
from pipeline.declaration import UseCase
from pipeline.manifest import MODEL, model_folder, read_manifest, write_model

SHIPPED = Path(__file__).parents[2] / "models" / "first_day_churn" / "1"


def own_case() -> UseCase:
    """The default case under a name that nobody else uses."""
    return replace(use_cases.load("first_day_churn"), name=f"churn_{uuid.uuid4().hex[:8]}")


def shelve(models: Path, case: UseCase, version: str, seed: int = 1) -> Path:
    """The shipped model as a version of `case`."""
    folder = model_folder(models, case.name, version)
    manifest = replace(read_manifest(SHIPPED), use_case=case.name, version=version, seed=seed)
    content = (SHIPPED / MODEL).read_bytes()
    write_model(folder, manifest, content, f"version {version}\n", {"report.html": b"<p>good</p>"})
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
