"""The broker stands still, or is gone, and every worker is asked to end at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from tests.faults.arena import Arena
from tests.faults.crew import Crew
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3, I4, I5, I6
from tests.faults.recovery import has_sent
from tests.faults.row import Row

LIMIT = 10.0


def play(arena: Arena) -> Findings:
    """Right after the broker's fault, and once every client is deep in its tries."""
    kafka, seconds, statuses = arena.servers.kafka, list[float](), list[int | None]()
    outages = ((kafka.freeze, kafka.thaw), (kafka.kill, kafka.start))
    waits = arena.scale.pick((0.0, 6.0, 20.0), (0.0, 12.0))
    with arena.running() as crew, arena.load(malformed=0.01) as source:
        for begin, end in outages:
            for wait in waits:
                arena.until(partial(has_sent, source, source.sent + 300), 60, "the source")
                begin()
                arena.pass_time(wait)
                seconds.append(end_all(crew, statuses))
                come_back(arena, end)
        recovered = arena.finish()
        wrong = [f"exit status {status}" for status in statuses if status != 0]
        return Findings(
            wanted=len(outages) * len(waits),
            injected=len(seconds),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5, I6),
                recovered,
                Verdict.of("exit 0", len(statuses), wrong),
                arena.within("all end", seconds, LIMIT),
            ),
        )


def end_all(crew: Crew, statuses: list[int | None]) -> float:
    """How many seconds all took to end; who did not end in time has no status 0."""
    processes = [worker.process for worker in crew.workers.values()]
    began = time.monotonic()
    crew.stop()
    took = time.monotonic() - began
    statuses += [None if process is None else process.returncode for process in processes]
    return took


def come_back(arena: Arena, end: Callable[[], None]) -> None:
    end()
    arena.crew.tick()
    arena.wait_until_ready()


ROW = Row(28, "SIGTERM while the broker is away", play)
