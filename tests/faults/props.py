"""The files that the workers of a row read: a model and lookup tables under the row's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from generator.lookup_file import write_lookup
from pipeline.declaration import UseCase
from pipeline.lookups import install
from pipeline.manifest import (
    model_folder,
    newest_folder,
    read_manifest,
    verified_model,
    write_model,
)
from pipeline.settings import Settings
from pipeline.world import World
from use_cases.first_day_churn import USE_CASE


def install_model(models: Path, settings: Settings, name: str) -> None:
    """Copy the shipped model out of `models` as that of the use case `name`."""
    shipped = newest_folder(models, USE_CASE.name)
    manifest = replace(read_manifest(shipped), use_case=name)
    folder = model_folder(settings.models_dir, name, manifest.version)
    write_model(folder, manifest, verified_model(shipped, manifest), "")


def install_tables(world: World, case: UseCase, settings: Settings, directory: Path) -> list[str]:
    """Install the world's table, and another in which every value is one more; their versions."""
    (lookup,) = case.lookups
    rows = list(world.lookups()[lookup.name])
    versions = []
    for more in (0, 1):
        path = directory / f"table-{more}.csv"
        write_lookup(path, lookup, [(key, value + more) for key, value in rows])
        versions.append(install(path, settings.lookups_dir, case, lookup.name))
    return versions
