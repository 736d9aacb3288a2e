"""A version from a team's MLflow into `models/`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlflow_bridge.tracking import Tracking
from pipeline.declaration import UseCase
from pipeline.disk import make_directory, sync_directory
from pipeline.errors import Refusal
from pipeline.manifest import (
    Manifest,
    read_manifest,
    readable_folder,
    verified_model,
)

MLFLOW_OWN = ("MLmodel", "registered_model_meta")
"""Files that MLflow adds to a version's own."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A version that is now under `models/`, and whether it was not before."""

    version: str
    new: bool


def pull(tracking: Tracking, address: str, models: Path, case: UseCase) -> Pulled:
    """The version at `models:/...`, in a folder of its own; changes nobody's alias.

    Raises Refusal unless it is whole and made for `case`, and where another version lies in its
    place.
    """
    home = models / case.name
    make_directory(home)
    with tempfile.TemporaryDirectory(dir=home, prefix=".pull-") as scratch:
        fetched = tracking.fetch(address, Path(scratch))
        manifest = _checked(fetched, case, address)
        return _placed(fetched, manifest, readable_folder(models, case.name, manifest.version))


def _checked(fetched: Path, case: UseCase, address: str) -> Manifest:
    """The manifest, if the model is the one it names and can stand for this use case."""
    try:
        manifest = read_manifest(fetched)
        verified_model(fetched, manifest)
    except Refusal as refusal:
        problem = refusal.problem.replace(f"{fetched}/", "")
        remedy = "Push it again where it was trained: pipeline mlflow push"
        raise Refusal(f"{address} is no whole version: {problem}", remedy) from None
    manifest.check_inputs(case)
    if not manifest.version.isdecimal():
        raise Refusal(f"{address} names no version", "Push it again: pipeline mlflow push")
    return manifest


def _placed(fetched: Path, manifest: Manifest, target: Path) -> Pulled:
    if target.exists():
        if read_manifest(target) != manifest:
            raise Refusal(
                f"{target} is another version {manifest.version} than the one in MLflow",
                "Move it away, and pull again",
            )
        verified_model(target, manifest)
        return Pulled(manifest.version, new=False)
    for name in MLFLOW_OWN:
        (fetched / name).unlink(missing_ok=True)
    fetched.rename(target)
    sync_directory(target.parent)
    return Pulled(manifest.version, new=True)
