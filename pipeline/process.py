"""What every worker process does around its stage: settings, logs, health, exit status."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import uvloop

from pipeline.clock import Clock, SystemClock
from pipeline.declaration import UseCase
from pipeline.ending import leave_within
from pipeline.errors import InfrastructureError, PipelineError, Refusal
from pipeline.exit_codes import ExitCode
from pipeline.faults import FaultPoints
from pipeline.health import Health, end_if_dead, serve
from pipeline.instances import own_name
from pipeline.kafka.admin import Admin
from pipeline.kafka.feed import Feed, Member
from pipeline.kafka.fetching import AT_ONCE
from pipeline.kafka.positions import Positions
from pipeline.logs import configure, log
from pipeline.setting_names import ignored_variables
from pipeline.settings import Settings, read_settings
from pipeline.topics import SOURCE_MAX_BYTES, Topics, group_of
from pipeline.worker import Stopping

T = TypeVar("T")

_START_PAUSE = 1.0
_COLLECT_AFTER = 250_000
_LEAVE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Process:
    """All that a worker's wiring needs."""

    stage: str
    case: UseCase
    settings: Settings
    topics: Topics
    clock: Clock
    faults: FaultPoints
    health: Health
    stopping: Stopping

    def feed(
        self,
        topics: Sequence[str],
        positions: Positions,
        fetching: Mapping[str, int] = AT_ONCE,
    ) -> Feed:
        """The stage's feed of these topics."""
        return Feed(
            self.settings.kafka,
            member=Member(topics, group_of(self.case, self.stage), self.settings.instance),
            positions=positions,
            max_records=self.settings.batch_records,
            fetching=fetching,
            shared_out=self.health.shared_out,
        )

    async def topics_ready(self, *names: str) -> tuple[str, ...]:
        """The names, once these topics exist and ours are as they must be."""

        def look(admin: Admin) -> None:
            self._wait_for((*names, *self.topics.ours), admin)
            admin.check(self.topics.ours, self.settings.partitions)

        await self._administer(look)
        return names

    async def kept_topic(self, name: str) -> None:
        """Return once a topic is there that keeps all it gets, made if it was not."""
        await self._administer(lambda admin: admin.create_kept(name))

    async def topic_made(self, name: str) -> None:
        """Return once a topic is there that only some pipelines have, made if it was not."""

        def make(admin: Admin) -> None:
            admin.create_all({name: SOURCE_MAX_BYTES}, self.settings.partitions)
            admin.check({name: SOURCE_MAX_BYTES}, self.settings.partitions)

        await self._administer(make)

    async def _administer(self, action: Callable[[Admin], None]) -> None:
        """Run a blocking action in a thread, tried until Kafka is up."""

        def act() -> None:
            with Admin.connect(self.settings.kafka) as admin:
                action(admin)

        await self.when_up(lambda: asyncio.to_thread(act))

    def _wait_for(self, names: tuple[str, ...], admin: Admin) -> None:
        """A topic that is not there may be on its way: workers start before it in a cluster."""
        missing = set(names) - admin.partitions(names).keys()
        if missing:
            raise InfrastructureError(
                f"there is no topic {', '.join(sorted(missing))} yet; `pipeline prepare` makes it"
            )

    async def when_up(self, action: Callable[[], Awaitable[T]]) -> T:
        """The result of `action`, tried until what it needs is up, or the end is asked for."""
        while True:
            try:
                return await action()
            except InfrastructureError as error:
                log.warning("waiting to start", error=str(error))
                self.health.looped()
                await self.stopping.pause(_START_PAUSE)
                if self.stopping:
                    raise


def run_worker(
    stage: str,
    description: str,
    load_case: Callable[[str], UseCase],
    work: Callable[[Process], Awaitable[None]],
) -> int:
    """Run a worker until it is told to stop; returns its exit status (see `ExitCode`)."""
    argparse.ArgumentParser(
        prog=f"python -m {stage}",
        description=description,
        epilog="Settings come from PIPELINE_... variables; docs/operations.md lists them.",
    ).parse_args()
    try:
        settings = read_settings(os.environ)
        os.umask(settings.umask)
        configure(stage, settings.log_level)
        for ignored in ignored_variables(os.environ):
            log.warning(ignored)
        case = load_case(settings.use_case)
        with _named(settings, group_of(case, stage)) as named:
            return uvloop.run(_run(stage, named, case, work))
    except PipelineError as error:
        return _stopped(error)


@contextlib.contextmanager
def _named(settings: Settings, group: str) -> Iterator[Settings]:
    """The settings with an instance name, where there was none one that no other worker has."""
    if settings.instance:
        yield settings
        return
    with own_name(f"{settings.kafka.bootstrap} {group}") as name:
        yield replace(settings, instance=name)


async def _run(
    stage: str, settings: Settings, case: UseCase, work: Callable[[Process], Awaitable[None]]
) -> ExitCode:
    _collect_rarely()
    clock = SystemClock()
    health = Health(clock)
    port = serve(health, settings.metrics_host, settings.metrics_port)
    end_if_dead(health)
    log.info("started", use_case=case.name, instance=settings.instance, metrics_port=port)
    stopping = Stopping.on_signals()
    faults = FaultPoints.parse(settings.faults)
    process = Process(stage, case, settings, Topics.of(case), clock, faults, health, stopping)
    status = await _worked(process, work)
    leave_within(_LEAVE_SECONDS, status)
    return status


async def _worked(process: Process, work: Callable[[Process], Awaitable[None]]) -> ExitCode:
    """The status after the work; what ended it is in the log by then."""
    try:
        await work(process)
    except PipelineError as error:
        if not (process.stopping and isinstance(error, InfrastructureError)):
            return _stopped(error)
    except Exception:  # noqa: BLE001 - it ends the process
        log.exception("an error that nobody foresaw")
        return ExitCode.FAILED
    log.info("ended")
    return ExitCode.OK


def _collect_rarely() -> None:
    """A batch is a hundred thousand plain values and no cycle.

    Looking for one after every 700 of them takes a sixth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


def _stopped(error: PipelineError) -> ExitCode:
    log.error("stopped", error=str(error), kind=type(error).__name__)
    if isinstance(error, Refusal):
        return ExitCode.REFUSED
    if isinstance(error, InfrastructureError):
        return ExitCode.UNREACHABLE
    return ExitCode.FAILED
