"""The logger is killed between each two of its steps."""

from __future__ import annotations

import time
from functools import partial

from tests.faults.arena import Arena
from tests.faults.findings import Findings
from tests.faults.invariants import I4
from tests.faults.row import Row
from tests.support.logger_steps import STEPS

WORKER = "inference_logger-1"


def play(arena: Arena) -> Findings:
    rounds = arena.scale.pick(2, 1)
    points = [f"{step}=exit:{2 + number}" for number in range(rounds) for step in STEPS]
    seconds, dead = [], 0
    with (
        arena.running(faults={WORKER: points[0]}) as crew,
        arena.load(malformed=0.01),
    ):
        for coming in (*points[1:], ""):
            arena.until(partial(has_died_since, arena, dead), 60, "a death")
            crew.set(WORKER, FAULTS=coming)
            began = time.monotonic()
            arena.until(partial(crew.is_consuming, WORKER), 60, "logging again")
            seconds.append(time.monotonic() - began)
            dead = crew.deaths()[WORKER]
        recovered = arena.finish()
        return Findings(
            wanted=len(points),
            injected=crew.deaths()[WORKER],
            verdicts=(*arena.check(I4), recovered),
            recovery=max(seconds),
        )


def has_died_since(arena: Arena, dead: int) -> bool:
    return arena.crew.deaths()[WORKER] > dead


ROW = Row(18, "the logger killed between its steps", play)
