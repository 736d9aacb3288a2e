"""Each worker in turn is killed, every few seconds; the first time in the middle of a batch."""

from __future__ import annotations

import random
import time
from functools import partial
from itertools import cycle, islice

from pipeline.topics import STAGES
from tests.faults.arena import Arena
from tests.faults.crew import Crew
from tests.faults.findings import Findings
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.row import Row

LIMIT = 4.0
IN_A_BATCH = {
    "event_handler-1": "after-outputs=exit:20",
    "stream_features-1": "after-outputs=exit:20",
    "serving-1": "after-outputs=exit:10",
    "inference_logger-1": "after-link=exit:6",
}
"""The first time each dies between its effects and what it notes of them."""


def play(arena: Arena) -> Findings:
    kills, dice = arena.scale.pick(8, 4), random.Random(1)
    gaps = arena.scale.pick((3.0, 5.0), (1.5, 2.5))
    seconds: list[float] = []
    with arena.running(faults=IN_A_BATCH) as crew, arena.load(malformed=0.01):
        for instance in IN_A_BATCH:
            crew.set(instance)
        for instance in IN_A_BATCH:
            arena.until(partial(has_died, crew, instance), 60, f"{instance} dying in a batch")
        for instance in IN_A_BATCH:
            arena.until(partial(crew.is_consuming, instance), 60, f"{instance} going on")
        for stage in islice(cycle(STAGES), kills):
            instance, began = f"{stage}-1", time.monotonic()
            crew.kill(instance)
            consuming = partial(crew.is_consuming, instance)
            seconds.append(arena.until(consuming, 30, f"{instance} consuming again"))
            arena.pass_time(max(0.0, dice.uniform(*gaps) - (time.monotonic() - began)))
        recovered = arena.finish()
        return Findings(
            wanted=len(IN_A_BATCH) + kills,
            injected=sum(crew.deaths().values()),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                arena.within("consuming again", seconds, LIMIT),
            ),
            recovery=max(seconds),
        )


def has_died(crew: Crew, instance: str) -> bool:
    return crew.deaths()[instance] > 0


ROW = Row(1, "kill -9 of each worker in turn", play)
