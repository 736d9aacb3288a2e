"""Each worker in turn is killed, every few seconds."""

from __future__ import annotations

import random
import time
from functools import partial
from itertools import cycle, islice

from pipeline.topics import STAGES
from tests.faults.arena import Arena
from tests.faults.findings import Findings
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.row import Row

LIMIT = 4.0


def play(arena: Arena) -> Findings:
    kills, dice = arena.scale.pick(8, 4), random.Random(1)
    gaps = arena.scale.pick((3.0, 5.0), (1.5, 2.5))
    seconds: list[float] = []
    with arena.running() as crew, arena.load(malformed=0.01) as source:
        arena.until(lambda: source.sent > 500, 30, "the source")
        for stage in islice(cycle(STAGES), kills):
            instance, began = f"{stage}-1", time.monotonic()
            crew.kill(instance)
            consuming = partial(crew.is_consuming, instance)
            seconds.append(arena.until(consuming, 30, f"{instance} consuming again"))
            arena.pass_time(max(0.0, dice.uniform(*gaps) - (time.monotonic() - began)))
        recovered = arena.finish()
        return Findings(
            wanted=kills,
            injected=sum(crew.deaths().values()),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                arena.within("consuming again", seconds, LIMIT),
            ),
            recovery=max(seconds),
        )


ROW = Row(1, "kill -9 of each worker in turn", play)
