"""The state of a pipeline as of one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cli.runs import RunNote
from cli.stack.workers import kind_of
from cli.state.lags import Lag, LagReader
from cli.state.markers import Markers, read_markers
from cli.state.pauses import PauseStatus, by_pause, read_pauses
from cli.state.scrape import Models, fetch, models_in
from pipeline.declaration import UseCase
from pipeline.kafka.admin import Admin
from pipeline.parquet.verification import Verification, noted
from pipeline.settings import Settings
from pipeline.topics import Topics, offer_topics


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic: the first offset that is there and the next to be written, by partition."""

    topic: str
    starts: list[int]
    ends: list[int]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How many records of a topic a stage has not dealt with, by partition."""

    stage: str
    topic: str
    lags: list[int]


@dataclass(frozen=True, slots=True)
class MarkerStatus:
    """How far a stateful stage has applied a partition, and with which lookup tables."""

    stage: str
    partition: int
    offset: int
    generation: str
    fingerprint: str
    lookups: dict[str, str]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker of the run here: `ready`, `live` (not ready yet) or `silent`.

    How often it has ended since the run began, and how the last time.
    """

    instance: str
    port: int
    state: str
    ended: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """Everything; `model` is what serving workers and the API say they have in service.

    `challenger` is on trial beside it; `model_refused` should be either, and cannot be used.
    `verified` is what the last `pipeline dataset --verify` found of the inputs in the log here.
    """

    topics: list[TopicStatus]
    stages: list[StageStatus]
    markers: list[MarkerStatus]
    workers: list[WorkerStatus] = field(default_factory=list)
    model: str = ""
    challenger: str = ""
    model_refused: str = ""
    paused: list[PauseStatus] = field(default_factory=list)
    verified: Verification | None = None


def read_status(settings: Settings, case: UseCase, note: RunNote | None) -> Status:
    """Ask Kafka, Redis and the workers noted. Blocks; raises InfrastructureError."""
    with Admin.connect(settings.kafka) as admin:
        topics = _topics(admin, _names(case, settings.offers.on))
        lags = LagReader(admin, case, settings).read()
        paused = by_pause(read_pauses(admin, case))
    workers = _workers(note) if note else []
    models = _models([worker.port for worker in workers])
    return Status(
        topics=topics,
        stages=by_topic(lags),
        markers=_markers(read_markers(settings)),
        workers=workers,
        model=", ".join(models.in_service),
        challenger=", ".join(models.on_trial),
        model_refused=", ".join(models.refused),
        paused=paused,
        verified=noted(settings.parquet_dir),
    )


def by_topic(lags: Sequence[Lag]) -> list[StageStatus]:
    """Lags gathered by stage and topic, in the order of their partitions."""
    gathered: dict[tuple[str, str], list[int]] = {}
    for one in sorted(lags, key=lambda one: one.partition):
        gathered.setdefault((one.stage, one.topic), []).append(one.records)
    order = dict.fromkeys((one.stage, one.topic) for one in lags)
    return [StageStatus(stage, topic, gathered[(stage, topic)]) for stage, topic in order]


def _names(case: UseCase, has_offers: bool) -> tuple[str, ...]:  # noqa: FBT001 - a setting
    topics = Topics.of(case)
    offers = offer_topics(case) if has_offers else ()
    return (topics.generated, *topics.ours, *offers)


def _topics(admin: Admin, names: tuple[str, ...]) -> list[TopicStatus]:
    """Those that are there."""
    found = admin.partitions(names)
    counts = {name: found[name] for name in names if name in found}
    places = [(name, number) for name, count in counts.items() for number in range(count)]
    starts, ends = admin.starts(places), admin.ends(places)
    return [
        TopicStatus(
            name,
            [starts[(name, number)] for number in range(count)],
            [ends[(name, number)] for number in range(count)],
        )
        for name, count in counts.items()
    ]


def _markers(markers: Markers) -> list[MarkerStatus]:
    return [
        MarkerStatus(stage, number, one.offset, one.generation, one.fingerprint, dict(one.lookups))
        for stage, numbered in markers.items()
        for number, one in numbered.items()
    ]


def _workers(note: RunNote) -> list[WorkerStatus]:
    return [
        WorkerStatus(
            name,
            port,
            _state(name, port),
            ended=note.deaths.get(name, 0),
            why=note.why.get(name, ""),
        )
        for name, port in note.workers.items()
    ]


def _state(instance: str, port: int) -> str:
    kind = kind_of(instance)
    if fetch(port, kind.ready) is not None:
        return "ready"
    return "silent" if fetch(port, kind.live) is None else "live"


def _models(ports: Sequence[int]) -> Models:
    pages = (page for port in ports if (page := fetch(port)) is not None)
    return sum(map(models_in, pages), Models())
