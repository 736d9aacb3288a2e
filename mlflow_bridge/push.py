"""Versions of a model to a team's MLflow, and with them who is champion and who challenger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow_bridge.figures import figures, parameters
from mlflow_bridge.tracking import Log, Run, Tags, Tracking
from pipeline.manifest import (
    MANIFEST,
    Manifest,
    read_manifest,
    readable_folder,
    sha256_of,
    verified_model,
)
from pipeline.registry import Aliases

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True, slots=True)
class Pushed:
    """A version as it is in MLflow: its number there, and whether it is new there."""

    version: str
    registered: str
    new: bool


def registered_name(use_case: str) -> str:
    """The name of a use case's registered model, and of the experiment of its runs."""
    return use_case.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Pusher:
    """Brings versions of one use case's model to MLflow.

    Only one may push a use case at a time: of two, each would make a run of its own.
    """

    tracking: Tracking
    models: Path
    use_case: str

    @property
    def name(self) -> str:
        """What the model is called in MLflow."""
        return registered_name(self.use_case)

    def push(self, version: str) -> Pushed:
        """The version's run and registered version; made where they are not there.

        Killed half-way, the next push goes on. Raises Refusal where the version is not whole.
        """
        folder = readable_folder(self.models, self.use_case, version)
        manifest = read_manifest(folder)
        verified_model(folder, manifest)
        tags = _tags(manifest, folder)
        run = self._run(manifest, folder, tags)
        there = self.tracking.find_version(self.name, run)
        registered = there or self.tracking.register(self.name, run, tags)
        return Pushed(version, registered, new=there is None)

    def mirror(self, aliases: Aliases, pushed: Collection[Pushed]) -> None:
        """Have the same champion and challenger there; each of them must be among those pushed."""
        registered = {one.version: one.registered for one in pushed}
        wanted = {alias: registered[version] for alias, version in named(aliases).items()}
        there = self.tracking.aliases(self.name)
        for alias, version in wanted.items():
            if there.get(alias) != version:
                self.tracking.set_alias(self.name, alias, version)
        if CHALLENGER in there and CHALLENGER not in wanted:
            self.tracking.drop_alias(self.name, CHALLENGER)

    def _run(self, manifest: Manifest, folder: Path, tags: Tags) -> Run:
        name = f"{manifest.use_case} {manifest.version}"
        run = self.tracking.find_run(self.name, tags) or self.tracking.begin_run(
            self.name, name, tags
        )
        if not run.finished:
            with tempfile.TemporaryDirectory() as scratch:
                staged = Path(scratch) / "model"
                shutil.copytree(folder, staged, ignore=shutil.ignore_patterns(".*"))
                self.tracking.describe(manifest, staged)
                log = Log(parameters(manifest), figures(manifest), staged)
                self.tracking.fill_run(run, log)
        return run


def named(aliases: Aliases) -> Mapping[str, str]:
    """Versions by their alias."""
    trial = aliases.challenger
    return {CHAMPION: aliases.champion, **({CHALLENGER: trial.version} if trial else {})}


def _tags(manifest: Manifest, folder: Path) -> dict[str, str]:
    """By what a version is found again: its content, not its number alone."""
    return {
        "use_case": manifest.use_case,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "manifest_sha256": sha256_of((folder / MANIFEST).read_bytes()),
    }
