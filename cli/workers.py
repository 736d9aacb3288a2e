"""Which workers there are, and how each of their processes is started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded.ports import free_port
from pipeline.declaration import UseCase
from pipeline.errors import SettingsError
from pipeline.topics import STAGES, stages_of


@dataclass(frozen=True, slots=True)
class Kind:
    """A stage's worker: the module to run, and how many of it unless asked otherwise."""

    stage: str
    module: str
    count: int = 1


KINDS = tuple(Kind(stage, module=stage) for stage in STAGES)


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One process: `instance` is unique and stays, `port` serves its metrics and checks."""

    instance: str
    stage: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    port: int


def kinds_of(case: UseCase) -> tuple[Kind, ...]:
    """The workers that a case needs."""
    return tuple(kind for kind in KINDS if kind.stage in stages_of(case))


def counts_of(wishes: list[str], kinds: tuple[Kind, ...] = KINDS) -> dict[str, int]:
    """How many workers of each stage: the default, changed by wishes such as `serving=2`."""
    counts = {kind.stage: kind.count for kind in kinds}
    for wish in wishes:
        stage, _, number = wish.partition("=")
        if stage not in counts or not (number.isascii() and number.isdigit()):
            raise SettingsError(
                f"--workers {wish!r} is not stage=number", f"The stages are {', '.join(counts)}"
            )
        counts[stage] = int(number)
    return counts


def worker_specs(
    counts: Mapping[str, int],
    environ: Mapping[str, str],
    logs: Path,
    kinds: tuple[Kind, ...] = KINDS,
    port: Callable[[], int] = free_port,
) -> tuple[WorkerSpec, ...]:
    """All processes to run, in the order of the stages; `environ` is what they have in common."""
    return tuple(
        _spec(kind, number, environ, logs, port())
        for kind in kinds
        for number in range(1, counts[kind.stage] + 1)
    )


def _spec(kind: Kind, number: int, environ: Mapping[str, str], logs: Path, port: int) -> WorkerSpec:
    instance = f"{kind.stage}-{number}"
    own = {"PIPELINE_INSTANCE": instance, "PIPELINE_METRICS_PORT": str(port)}
    return WorkerSpec(
        instance=instance,
        stage=kind.stage,
        argv=(sys.executable, "-m", kind.module),
        environ={**environ, **own},
        log=logs / f"{kind.stage if number == 1 else instance}.log",
        port=port,
    )
