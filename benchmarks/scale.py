"""Several workers of a stage, over few partitions and over many."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.contender import Failed
from benchmarks.filling import write
from benchmarks.findings import Findings, Measure
from benchmarks.lab import Lab, wait
from benchmarks.reading import records_by_partition
from benchmarks.site import Site
from benchmarks.steady import load_world_lookups
from benchmarks.visits import LIFE_EVENTS, Scribe
from cli.stack.supervisor import Supervisor
from cli.stack.workers import worker_specs
from cli.state.scrape import fetch
from pipeline.keys import FEATURES, SCORES
from pipeline.records import OutRecord
from pipeline.topics import group_of

_SEED = 3
_LONGEST_SECONDS = 300.0

Records = Sequence[Sequence[OutRecord]]
"""By partition."""


@dataclass(frozen=True, slots=True)
class Task:
    """A stage with a log of its own; `prepare` makes everything behind its source empty."""

    stage: str
    source: str
    kind: str
    records: Records
    prepare: Callable[[], None]

    @property
    def total(self) -> int:
        """How many records it gets."""
        return sum(map(len, self.records))


def measure_scale(site: Site) -> Findings:
    """The rates of `stream_features` and `serving` by workers and partitions."""
    found: list[Measure] = []
    for partitions in site.size.extent.partitions:
        with site.lab(partitions) as made:
            users = range(2 * site.size.extent.visited // LIFE_EVENTS)
            lives = Scribe(partitions, int(time.time() * 1e3)).lives(users, _SEED)
            found += _curve(site, made, _folding(made, lives))
            found += _curve(site, made, _scoring(made))
    return Findings(measures=tuple(found))


def _folding(made: Lab, records: Records) -> Task:
    def prepare() -> None:
        made.forget_state(FEATURES)
        made.empty(made.topics.incoming, made.topics.features)
        load_world_lookups(made)

    return Task("stream_features", made.topics.incoming, FEATURES, records, prepare)


def _scoring(made: Lab) -> Task:
    """With the requests that are there now."""
    requests = [
        [OutRecord(one.key, one.value, tuple(one.headers)) for one in records]
        for records in records_by_partition(made, made.topics.features)
    ]

    def prepare() -> None:
        made.forget_state(SCORES)
        made.empty(made.topics.features, made.topics.inferences)

    return Task("serving", made.topics.features, SCORES, requests, prepare)


def _curve(site: Site, made: Lab, task: Task) -> list[Measure]:
    """One measure for each number of workers, the lowest first: a group remembers members."""
    found = []
    for count in sorted(site.size.extent.workers):
        workers = "1 worker" if count == 1 else f"{count} workers"
        name = f"{task.stage}, {made.partitions} partitions, {workers}"
        rate = _rate(made, task, count)
        site.say(f"{name}: {rate:,.0f} records/s")
        found.append(Measure(name, "records/s", (rate,)))
    return found


def _rate(made: Lab, task: Task, count: int) -> float:
    """From the moment that all workers find a full log to their last effect.

    They stand still while it is written: so neither their start nor the writer counts.
    """
    task.prepare()
    before = made.written(task.source)
    with _crew(made, task.stage, count) as processes:
        wait(lambda: made.marked(task.kind) == before, "the workers to have nothing to do")
        _tell(processes, signal.SIGSTOP)
        write(made, task.source, task.records)
        _tell(processes, signal.SIGCONT)
        began = time.monotonic()
        while made.marked(task.kind) < before + task.total:
            if time.monotonic() > began + _LONGEST_SECONDS:
                raise Failed(f"{count} workers of {task.stage} do not get to the end")
            time.sleep(0.02)
        return task.total / (time.monotonic() - began)


@contextmanager
def _crew(made: Lab, stage: str, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many workers of a stage, all of them in its group. Main thread only."""
    specs = worker_specs({stage: count}, made.environ, made.directory / "logs")
    supervisor = Supervisor(specs)
    supervisor.tick(time.monotonic())
    try:
        group = group_of(made.case, stage)
        wait(lambda: made.settled(group) == count, f"{count} workers in {group}")
        wait(
            lambda: all(fetch(one.port, "/ready") is not None for one in specs),
            f"{count} ready workers",
        )
        yield [worker.process for worker in supervisor.workers if worker.process is not None]
    finally:
        supervisor.stop()


def _tell(processes: Sequence[subprocess.Popen[bytes]], what: signal.Signals) -> None:
    for process in processes:
        process.send_signal(what)
