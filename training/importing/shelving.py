"""Writes an imported model as the next version, without letting it serve."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.manifest import Manifest, model_folder, versions_of, write_model
from pipeline.registry import aliases_of, changing, write_aliases
from training.importing.card import card
from training.importing.importer import Order, imported
from training.importing.loading import Loaded, ModelFile
from training.importing.targets import Sample


@dataclass(frozen=True, slots=True)
class Shelved:
    """A version that was written."""

    folder: Path
    manifest: Manifest
    content: bytes


def shelve(models: Path, order: Order, file: ModelFile, loaded: Loaded, sample: Sample) -> Shelved:
    """Import under the number after the newest one's; the champion is named, and so stays it.

    Raises Refusal where it cannot be proved, and then writes nothing. Blocks for seconds.
    """
    name = order.target.name
    with changing(models, name):
        before = versions_of(models, name)
        made = imported(order, str(int(before[-1]) + 1 if before else 1), file, loaded, sample)
        if before:
            write_aliases(models, name, aliases_of(models, name))
        folder = model_folder(models, name, made.manifest.version)
        purpose = importlib.import_module(f"use_cases.{name}").__doc__ or ""
        write_model(folder, made.manifest, made.content, card(made.manifest, purpose))
    return Shelved(folder, made.manifest, made.content)
