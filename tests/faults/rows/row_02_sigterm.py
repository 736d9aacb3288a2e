"""Each worker is asked to end, again and again, under load."""

from __future__ import annotations

import time
from functools import partial

from pipeline.topics import STAGES
from tests.faults.arena import Arena
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.row import Row

LIMIT = 5.0


def play(arena: Arena) -> Findings:
    rounds = arena.scale.pick(5, 2)
    statuses: list[int | None] = []
    ends: list[float] = []
    returns: list[float] = []
    with arena.running() as crew, arena.load(malformed=0.01) as source:
        arena.until(lambda: source.sent > 500, 30, "the source")
        for _ in range(rounds):
            for stage in STAGES:
                began = time.monotonic()
                statuses.append(crew.terminate(f"{stage}-1", 60))
                ends.append(time.monotonic() - began)
                crew.tick()
            for stage in STAGES:
                consuming = partial(crew.is_consuming, f"{stage}-1")
                returns.append(arena.until(consuming, 30, f"{stage} consuming again"))
            arena.pass_time(arena.scale.pick(3.0, 1.0))
        recovered = arena.finish()
        wrong = [f"exit status {status}" for status in statuses if status != 0]
        return Findings(
            wanted=rounds * len(STAGES),
            injected=sum(crew.deaths().values()),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                Verdict.of("exit 0", len(statuses), wrong),
                arena.within("ends", ends, LIMIT),
            ),
            recovery=max(returns),
        )


ROW = Row(2, "SIGTERM to each worker", play)
