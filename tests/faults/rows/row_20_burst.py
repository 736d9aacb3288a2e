"""Ten times as many events as usual, for ten seconds."""

from __future__ import annotations

import time
from functools import partial

from generator.pace import AtRate
from generator.stream import world_of
from pipeline.clock import SystemClock
from pipeline.world import WorldSize
from tests.faults.arena import EVENTS_EACH, PARTITIONS, SEED, Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.memory import bounded, peaks
from tests.faults.recovery import has_sent, keeps_up
from tests.faults.row import Row
from tests.faults.source import Source, worlds
from use_cases.first_day_churn import USE_CASE

TIMES = 10
NEARLY = 0.8
"""A source in Python does not hit its rate to the last event."""
LIMIT = 60.0


def play(arena: Arena) -> Findings:
    lasts = arena.scale.pick(10.0, 4.0)
    with arena.running() as crew, arena.load(malformed=0.01) as source:
        arena.until(partial(has_sent, source, 1_000), 30, "the source")
        before = peaks(crew)
        with burst(arena, lasts) as more:
            began = time.monotonic()
            arena.until(more.is_done, 6 * lasts, "the burst")
            rate = more.sent / (time.monotonic() - began)
        seconds = arena.until(partial(keeps_up, arena), 180, "keeping up again")
        after = peaks(crew)
        recovered = arena.finish()
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=int(NEARLY * TIMES * arena.scale.rate / arena.scale.patience),
            injected=int(rate),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                arena.within("lag as before", [seconds], LIMIT),
                bounded(before, after),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=seconds,
        )


def burst(arena: Arena, lasts: float) -> Source:
    """A second source, of other users, that is done by itself."""
    rate = TIMES * arena.scale.rate
    total = int(rate * lasts)
    size = WorldSize(-(-total // (EVENTS_EACH + 1)), EVENTS_EACH, SEED + 1_000)
    records, pace = worlds(world_of(USE_CASE.name), size), AtRate(rate, SystemClock())
    more = Source(arena.settings.kafka, arena.case, PARTITIONS, records, total, pace, {})
    more.end()
    return more


ROW = Row(20, "burst, 10 times the rate", play)
