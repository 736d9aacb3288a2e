"""Run folders, and where a command finds Kafka, Redis, the tables and the files.

`.pipeline/<run>/` belongs to one embedded Kafka: its data, the tables and Parquet files of its
topics, the workers' logs, and `run.json`. A Kafka that is not ours has the folder `outside`. Models
that are trained here lie beside the runs, in `.pipeline/models`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from embedded.runs import Run, runs_of
from embedded.stack import Endpoints
from pipeline.errors import Refusal, SettingsError
from pipeline.settings import Settings, read_settings

ROOT = Path(".pipeline")
OUTSIDE = "outside"
RUN = "RUN"
MODELS = "models"
_RUN = "run.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_TAKEN = (OUTSIDE, MODELS, "data", "lookups")


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

    @property
    def name(self) -> str:
        """Of the run; empty where there is none."""
        return self.directory.name if self.directory else ""


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
    """The folder of the environment's own Kafka, else the run that is meant. Raises Refusal."""
    if is_set(environ, "KAFKA"):
        directory = root / OUTSIDE
        return Found(directory, _endpoints_on(environ, directory), read_note(directory))
    run = chosen(environ, root)
    if run is None:
        return Found(None, None, None)
    return Found(run.directory, run.endpoints, read_note(run.directory))


def own_runs(root: Path = ROOT) -> list[Run]:
    """The runs of embedded Kafkas, the one that was used last first."""
    return [run for run in runs_of(root) if run.name != OUTSIDE]


def chosen(environ: Mapping[str, str], root: Path = ROOT) -> Run | None:
    """The run that PIPELINE_RUN names; else the one that runs; else the one to resume; else any.

    Raises Refusal where there is no run of that name, or several run and none is named.
    """
    runs, name = own_runs(root), run_name(environ)
    if name:
        return named_run(name, runs)
    running = [run for run in runs_of(root) if run.is_running]
    if len(running) > 1:
        names = ", ".join(run.name for run in running)
        raise Refusal(
            f"{len(running)} pipelines run here: {names}",
            "Name one: --run NAME, or PIPELINE_RUN=NAME",
        )
    return next(iter(running), None) or to_resume(runs) or next(iter(runs), None)


def to_resume(runs: Sequence[Run]) -> Run | None:
    """Of `runs`, the one that was used last of those that hold data."""
    return next((run for run in runs if run.holds_data), None)


def run_name(environ: Mapping[str, str]) -> str:
    """The run that is asked for; empty where none is. Raises SettingsError if it is no name."""
    name = environ.get(f"PIPELINE_{RUN}", "").strip()
    if name and (not _NAME.fullmatch(name) or name in _TAKEN):
        raise SettingsError(
            f"{name!r} is no name for a run",
            "Use letters, digits, - and _; no other folder under .pipeline may have the name",
        )
    return name


def named_run(name: str, runs: Sequence[Run]) -> Run:
    """The run of this name. Raises Refusal where there is none."""
    for run in runs:
        if run.name == name:
            return run
    raise Refusal(
        f"there is no run {name} here",
        "`pipeline runs list` shows those there are; `pipeline up --run NAME` begins one",
    )


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
        raise _nothing_runs(environ, root, " or ".join(missing))
    return read_settings(complete)


def _nothing_runs(environ: Mapping[str, str], root: Path, missing: str) -> Refusal:
    if is_set(environ, "KAFKA"):
        return Refusal(f"no {missing} is set, and no pipeline runs here", f"Set {missing}")
    run = chosen(environ, root)
    if run and run.is_running:
        return Refusal(f"run {run.name} is only starting", "Try again in a moment")
    if name := run_name(environ):
        command, problem = f"pipeline up --run {name}", f"run {name} is not running"
    else:
        command = "pipeline up --resume" if to_resume(own_runs(root)) else "pipeline up"
        problem = "no pipeline runs here"
    return Refusal(f"{problem}, and no {missing} is set", f"Run `{command}` in another terminal")


def is_set(environ: Mapping[str, str], name: str) -> bool:
    """Whether the variable PIPELINE_`name` says anything."""
    return bool(environ.get(f"PIPELINE_{name}", "").strip())


def _endpoints_on(environ: Mapping[str, str], directory: Path) -> Endpoints | None:
    """Of the stack in `directory`, if it runs on the Kafka that the environment names."""
    kafka = environ.get("PIPELINE_KAFKA", "").strip()
    runs = (run for run in runs_of(directory.parent) if run.directory == directory)
    return next(
        (run.endpoints for run in runs if run.endpoints and run.endpoints.kafka == kafka), None
    )
