"""A run from servers to workers, as `up` and `demo` start it; all of it ends with the block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import use_cases
from cli.runs import RunNote, folders, models_of, read_note, write_note
from cli.stack.servers import Servers, servers
from cli.stack.supervisor import Supervisor, Worker
from cli.stack.workers import kinds_of, worker_specs
from embedded.stack import Endpoints
from pipeline.declaration import UseCase
from pipeline.lookups import make_homes
from pipeline.settings import Settings, read_settings
from pipeline.topics import Topics

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Base:
    """What the workers stand on; `environ` is what their processes and our settings share."""

    directory: Path
    servers: Servers
    environ: Mapping[str, str]
    settings: Settings
    case: UseCase

    @property
    def topics(self) -> Topics:
        """The topics of the use case."""
        return Topics.of(self.case)


def run_environment(
    environ: Mapping[str, str], directory: Path, endpoints: Endpoints
) -> dict[str, str]:
    """What a run's processes see: its endpoints, and its folders unless others are set."""
    note = read_note(directory)
    remembered = {"PIPELINE_PARTITIONS": str(note.partitions)} if note else {}
    remembered |= {"PIPELINE_USE_CASE": note.use_case} if note else {}
    defaults = {"PIPELINE_MODELS": models_of(), **folders(directory), **remembered}
    chosen = {name: value for name, value in environ.items() if value.strip()}
    found = {"PIPELINE_KAFKA": endpoints.kafka, "PIPELINE_REDIS": endpoints.redis}
    return {**defaults, **chosen, **found}


@contextmanager
def base(environ: Mapping[str, str], directory: Path, say: Say) -> Iterator[Base]:
    """Kafka and Redis, and the topics that were missing. Main thread only."""
    read_settings(environ)  # what is wrong is said before anything starts
    say(f"Starting Kafka and Redis under {directory} ...")
    with servers(environ, directory, say) as found:
        complete = run_environment(environ, directory, found.endpoints)
        settings = read_settings(complete)
        case = use_cases.load(settings.use_case)
        make_homes(settings.lookups_dir, case)
        _create_topics(settings, Topics.of(case))
        yield Base(directory, found, complete, settings, case)


def _create_topics(settings: Settings, topics: Topics) -> None:
    from pipeline.kafka.admin import Admin  # noqa: PLC0415 - half a second, once Kafka starts

    with Admin.connect(settings.kafka) as admin:
        admin.create(topics, settings.partitions)


def note_workers(directory: Path, settings: Settings, workers: Sequence[Worker]) -> None:
    """Leave in a run's folder which workers it has, and how each of them has ended so far."""
    ports = {worker.spec.instance: worker.spec.port for worker in workers}
    ended = {worker.spec.instance: worker for worker in workers if worker.history.deaths}
    deaths = {instance: worker.history.deaths for instance, worker in ended.items()}
    why = {instance: worker.why for instance, worker in ended.items()}
    write_note(directory, RunNote(settings.use_case, settings.partitions, ports, deaths, why))


@contextmanager
def workers(base: Base, counts: Mapping[str, int], say: Say) -> Iterator[Supervisor]:
    """The workers' processes, started; at the end told to stop, waited for, and killed if late."""
    settings = base.settings
    common = {
        **base.environ,
        "PIPELINE_USE_CASE": settings.use_case,
        "PIPELINE_PARTITIONS": str(settings.partitions),
    }
    specs = worker_specs(counts, common, base.directory / "logs", kinds_of(base.case))
    supervisor = Supervisor(specs, buried=partial(note_workers, base.directory, settings))
    note_workers(base.directory, settings, supervisor.workers)
    try:
        supervisor.tick(time.monotonic())
        yield supervisor
    finally:
        for instance in supervisor.stop():
            say(f"{instance} did not end when asked, and was killed")
