"""A worker stands still for longer than its session, another takes over, and it wakes up.

The first time it stands still in the middle of a batch, between its outputs and its write.
"""

from __future__ import annotations

import time
from functools import partial

from pipeline.topics import group_of
from tests.faults.arena import PARTITIONS, Arena
from tests.faults.findings import Findings
from tests.faults.invariants import I1, I2, I3
from tests.faults.members import owned
from tests.faults.row import Row
from tests.faults.watch import MarkerWatch

STAGES = ("stream_features", "serving")
SLEEP = 14.0
"""Seconds: the session time-out is 10."""
IN_A_BATCH = {f"{stage}-2": "after-outputs=stop:30" for stage in STAGES}


def play(arena: Arena) -> Findings:
    rounds = arena.scale.pick(2, 1)
    taken, seconds = 0, []
    counts = dict.fromkeys(STAGES, 2)
    with (
        arena.running(counts, faults=IN_A_BATCH) as crew,
        arena.load(),
        MarkerWatch(arena.settings.redis.url, arena.name, PARTITIONS) as watch,
    ):
        for number in range(rounds):
            for stage in STAGES:
                if number == 0:
                    standing = partial(crew.is_frozen, f"{stage}-2")
                    arena.until(standing, 60, f"{stage} standing still in a batch")
                else:
                    crew.freeze(f"{stage}-2")
            arena.pass_time(SLEEP)
            taken += sum(_owners(arena, stage) == {f"{stage}-1": PARTITIONS} for stage in STAGES)
            seconds.append(_wake(arena))
        recovered = arena.finish()
        return Findings(
            wanted=rounds * len(STAGES),
            injected=taken,
            verdicts=(*arena.check(I1, I2, I3), recovered, watch.verdict),
            recovery=max(seconds),
        )


def _wake(arena: Arena) -> float:
    """Let the zombies go on; returns the seconds until they own partitions again."""
    began = time.monotonic()
    for stage in STAGES:
        arena.crew.thaw(f"{stage}-2")
    for stage in STAGES:
        both = partial(_both_own, arena, stage)
        arena.until(both, 60, f"both {stage} own partitions")
    return time.monotonic() - began


def _owners(arena: Arena, stage: str) -> dict[str, int]:
    """How many partitions each worker of a stage owns, as the broker says."""
    found = owned(arena.servers.kafka.address, group_of(arena.case, stage))
    return {instance: len(places) for instance, places in found.items()}


def _both_own(arena: Arena, stage: str) -> bool:
    return len(_owners(arena, stage)) == 2


ROW = Row(10, "a worker frozen beyond its session", play)
