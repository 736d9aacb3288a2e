"""A team's MLflow in memory."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlflow_bridge.tracking import Log, Run, Tags
from pipeline.errors import InfrastructureError, Refusal
from pipeline.manifest import Manifest


@dataclass
class FakeTracking:
    """Keeps files under `home`; fails once while it fills a run, if it is told to."""

    home: Path
    fails: bool = False
    runs: dict[str, tuple[str, Tags]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    versions: dict[str, list[str]] = field(default_factory=dict)
    known_as: dict[str, dict[str, str]] = field(default_factory=dict)

    def find_run(self, experiment: str, tags: Tags) -> Run | None:
        for id_, (where, known) in self.runs.items():
            if where == experiment and tags.items() <= known.items():
                return Run(id_, id_ in self.finished)
        return None

    def begin_run(self, experiment: str, name: str, tags: Tags) -> Run:  # noqa: ARG002 - for people
        id_ = f"run-{len(self.runs)}"
        self.runs[id_] = (experiment, tags)
        return Run(id_, finished=False)

    def describe(self, manifest: Manifest, folder: Path) -> None:
        (folder / "MLmodel").write_text(manifest.version)

    def fill_run(self, run: Run, log: Log) -> None:
        if self.fails:
            self.fails = False
            raise InfrastructureError("gone")
        shutil.copytree(log.folder, self.home / run.id)
        self.finished.add(run.id)

    def find_version(self, model: str, run: Run) -> str | None:
        runs = self.versions.get(model, [])
        return str(runs.index(run.id) + 1) if run.id in runs else None

    def register(self, model: str, run: Run, tags: Tags) -> str:  # noqa: ARG002 - for people
        self.versions.setdefault(model, []).append(run.id)
        return str(len(self.versions[model]))

    def aliases(self, model: str) -> Mapping[str, str]:
        return dict(self.known_as.get(model, {}))

    def set_alias(self, model: str, alias: str, version: str) -> None:
        self.known_as.setdefault(model, {})[alias] = version

    def drop_alias(self, model: str, alias: str) -> None:
        del self.known_as[model][alias]

    def fetch(self, address: str, into: Path) -> Path:
        named = address.removeprefix("models:/").replace("@", "/")
        model, _, which = named.partition("/")
        version = self.known_as.get(model, {}).get(which, which)
        if not version.isdecimal() or int(version) > len(self.versions.get(model, [])):
            raise Refusal(f"no {address}", "Push it")
        run = self.versions[model][int(version) - 1]
        folder = into / "model"
        shutil.copytree(self.home / run, folder)
        (folder / "registered_model_meta").write_text(version)
        return folder
