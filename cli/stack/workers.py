"""Which workers there are, and how each of their processes is started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded.ports import HOST, free_port
from pipeline.declaration import UseCase
from pipeline.errors import SettingsError
from pipeline.topics import STAGES, stages_of

API = "api"
API_PORT = "PIPELINE_HTTP_PORT"
COMPACTION = "compaction"


@dataclass(frozen=True, slots=True)
class Kind:
    """A stage's worker, or one of those beside them: its module, and how many unless asked.

    The variable `port` tells a process where to answer; `live` and `ready` say whether it is well,
    `page` is what a person looks at.
    """

    stage: str
    module: tuple[str, ...]
    count: int = 1
    port: str = "PIPELINE_METRICS_PORT"
    live: str = "/live"
    ready: str = "/ready"
    page: str = "/metrics"


KINDS = (
    *(Kind(stage, module=(stage,)) for stage in STAGES),
    Kind(COMPACTION, module=(COMPACTION,)),
    Kind(
        API,
        module=("cli", "api"),
        port=API_PORT,
        live="/v2/health/live",
        ready="/v2/health/ready",
        page="/docs",
    ),
)


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One process: `instance` is unique and stays, `port` serves its metrics and checks.

    The instance is its name here. In its group it takes one that no other run has either.
    """

    instance: str
    stage: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    port: int


def kinds_of(case: UseCase) -> tuple[Kind, ...]:
    """The workers that a case needs."""
    stages = (*stages_of(case), COMPACTION, API)
    return tuple(kind for kind in KINDS if kind.stage in stages)


def kind_of(instance: str) -> Kind:
    """What kind of worker an instance is, as `serving-1`."""
    stage = instance.rpartition("-")[0]
    return next(kind for kind in KINDS if kind.stage == stage)


def page_of(instance: str, port: int) -> str:
    """What a person on this machine looks at."""
    return f"http://{HOST}:{port}{kind_of(instance).page}"


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
    """All processes to run, in the order of the stages; `environ` is what they have in common.

    The first API answers on the port that `environ` asks for; all others on ports that are free.
    """
    return tuple(
        _spec(kind, number, environ, logs, _asked(kind, number, environ) or port())
        for kind in kinds
        for number in range(1, counts.get(kind.stage, 0) + 1)
    )


def _asked(kind: Kind, number: int, environ: Mapping[str, str]) -> int:
    """The port asked for; 0 where any will do."""
    is_first_api = kind.stage == API and number == 1
    return int(environ.get(kind.port, "").strip() or 0) if is_first_api else 0


def _spec(kind: Kind, number: int, environ: Mapping[str, str], logs: Path, port: int) -> WorkerSpec:
    instance = f"{kind.stage}-{number}"
    return WorkerSpec(
        instance=instance,
        stage=kind.stage,
        argv=(sys.executable, "-m", *kind.module),
        environ={**environ, "PIPELINE_INSTANCE": "", kind.port: str(port)},
        log=logs / f"{kind.stage if number == 1 else instance}.log",
        port=port,
    )
