"""What is asked of a team's MLflow, in few and small steps, so that each may be done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.manifest import Manifest

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """A run, and whether all that belongs to it was logged."""

    id: str
    finished: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's value; those of one name make a curve over their steps."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True, slots=True)
class Log:
    """What a run holds: its parameters, its metrics, and a folder of files."""

    parameters: Mapping[str, str]
    figures: Sequence[Figure]
    folder: Path


class Tracking(Protocol):
    """A team's MLflow. All of it blocks.

    Raises Refusal where the server does not let one in or does not know what was named, and
    InfrastructureError where it does not answer.
    """

    def find_run(self, experiment: str, tags: Tags) -> Run | None:
        """The run of an experiment that has these tags; None without one."""
        ...

    def begin_run(self, experiment: str, name: str, tags: Tags) -> Run:
        """A new run; makes the experiment where there is none."""
        ...

    def describe(self, manifest: Manifest, folder: Path) -> None:
        """Put into a version's folder what tells MLflow how to load the model in it."""
        ...

    def fill_run(self, run: Run, log: Log) -> None:
        """Log all of it, and finish the run. Done again, it is there once."""
        ...

    def find_version(self, model: str, run: Run) -> str | None:
        """The version of a registered model that came from a run; None without one."""
        ...

    def register(self, model: str, run: Run, tags: Tags) -> str:
        """A new version of a registered model out of a run's files; makes the model if need be."""
        ...

    def aliases(self, model: str) -> Mapping[str, str]:
        """Which versions of a registered model have which aliases."""
        ...

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Give an alias to a version, and to no other."""
        ...

    def drop_alias(self, model: str, alias: str) -> None:
        """Let no version have an alias."""
        ...

    def fetch(self, address: str, into: Path) -> Path:
        """The folder, made in `into`, of the files of the version at `models:/...`."""
        ...
