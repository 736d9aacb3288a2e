"""Run folders, and where a command finds Kafka, Redis, the tables and the files.

`.pipeline/<run>/` belongs to one embedded Kafka: its data, the tables and Parquet files of its
topics, the workers' logs, and `run.json`. A Kafka that is not ours has the folder `outside`. Models
that are trained here lie beside the runs, in `.pipeline/models`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from embedded.stack import Endpoints, find_endpoints, latest_run
from pipeline.errors import Refusal
from pipeline.settings import Settings, read_settings

ROOT = Path(".pipeline")
OUTSIDE = "outside"
MODELS = "models"
_RUN = "run.json"


@dataclass(frozen=True, slots=True)
class RunNote:
    """What a run was started with, and how its workers fare.

    By instance: `workers` are the metrics ports, `deaths` and `why` how often and how one ended.
    """

    use_case: str
    partitions: int
    workers: Mapping[str, int] = field(default_factory=dict)
    deaths: Mapping[str, int] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The folder that a command belongs to, and the endpoints of what runs on it, if it runs."""

    directory: Path | None
    endpoints: Endpoints | None
    note: RunNote | None


def write_note(directory: Path, note: RunNote) -> None:
    """Leave the note in a run's folder, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    staged = directory / f".{_RUN}"
    staged.write_text(json.dumps(asdict(note)))
    staged.replace(directory / _RUN)


def read_note(directory: Path) -> RunNote | None:
    """The note in a run's folder, if there is one that can be read."""
    try:
        return RunNote(**json.loads((directory / _RUN).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find(environ: Mapping[str, str], root: Path = ROOT) -> Found:
    """The folder of the environment's own Kafka, else of the running stack, else the newest."""
    if is_set(environ, "KAFKA"):
        directory: Path | None = root / OUTSIDE
        endpoints = _running_in(root / OUTSIDE, find_endpoints(root))
    else:
        endpoints = find_endpoints(root)
        directory = _directory_of(root, endpoints) if endpoints else latest_run(root)
    return Found(directory, endpoints, read_note(directory) if directory else None)


def models_of(root: Path = ROOT) -> str:
    """The user's own models, which all runs share."""
    return str((root / MODELS).absolute())


def environment(environ: Mapping[str, str], found: Found, root: Path = ROOT) -> dict[str, str]:
    """`environ` completed by what was found: a variable that is set stays as it is."""
    added = {"PIPELINE_MODELS": models_of(root)}
    if found.directory:
        added |= folders(found.directory)
    if found.endpoints:
        added |= {"PIPELINE_KAFKA": found.endpoints.kafka, "PIPELINE_REDIS": found.endpoints.redis}
    if found.note:
        added["PIPELINE_USE_CASE"] = found.note.use_case
        added["PIPELINE_PARTITIONS"] = str(found.note.partitions)
    return {**added, **{name: value for name, value in environ.items() if value.strip()}}


def folders(directory: Path) -> dict[str, str]:
    """The variables that put tables and Parquet files into a run's folder."""
    absolute = directory.absolute()
    return {
        "PIPELINE_DATA": str(absolute / "data"),
        "PIPELINE_LOOKUPS": str(absolute / "lookups"),
    }


def settings_of(environ: Mapping[str, str], *needs: str, root: Path = ROOT) -> Settings:
    """The settings of a command that needs `KAFKA`, `REDIS`, or both. Raises Refusal."""
    complete = environment(environ, find(environ, root), root)
    missing = [f"PIPELINE_{need}" for need in needs if not is_set(complete, need)]
    if missing:
        raise Refusal(
            f"no pipeline runs here, and no {' or '.join(missing)} is set",
            "Run `pipeline up --resume` in another terminal",
        )
    return read_settings(complete)


def is_set(environ: Mapping[str, str], name: str) -> bool:
    """Whether the variable PIPELINE_`name` says anything."""
    return bool(environ.get(f"PIPELINE_{name}", "").strip())


def _directory_of(root: Path, endpoints: Endpoints) -> Path:
    return next(path for path in root.glob("*/") if _running_in(path, endpoints))


def _running_in(directory: Path, endpoints: Endpoints | None) -> Endpoints | None:
    """`endpoints`, if they are those that `directory` has written down."""
    try:
        noted = json.loads((directory / "endpoints.json").read_text())
    except (OSError, ValueError):
        return None
    return endpoints if endpoints and noted == asdict(endpoints) else None
