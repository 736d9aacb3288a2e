"""The fold raises: once, and then always, until somebody mends it."""

from __future__ import annotations

import json
from functools import partial

from pipeline.keys import FEATURES
from tests.faults.arena import Arena
from tests.faults.crew import Crew
from tests.faults.findings import Findings, Verdict, fact
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.row import Row

WORKER = "stream_features-1"
DEATHS = 3


def play(arena: Arena) -> Findings:
    with arena.running(faults={WORKER: "apply=raise:20"}) as crew, arena.load():
        crew.set(WORKER)
        arena.until(partial(has_ended, crew, 1), 60, "the fold raising once")
        consuming = partial(crew.is_consuming, WORKER)
        once = arena.until(consuming, 60, "folding again")
        crew.set(WORKER, FAULTS="apply=raise")
        crew.terminate(WORKER, 60)
        arena.until(partial(has_ended, crew, 3), 60, "the fold raising always")
        applied = arena.applied(FEATURES)
        arena.until(partial(has_ended, crew, 2 + DEATHS), 60, "it raising again and again")
        hidden, skipped = shown_wrong(arena), arena.applied(FEATURES) - applied
        crew.set(WORKER)
        mended = arena.until(consuming, 60, "folding again")
        recovered = arena.finish()
        return Findings(
            wanted=1 + DEATHS,
            injected=crew.deaths()[WORKER] - 1,
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                Verdict.of("visible in status", 1, hidden),
                fact("never skips the record", holds=not skipped, otherwise=f"{skipped} applied"),
            ),
            recovery=max(once, mended),
        )


def has_ended(crew: Crew, times: int) -> bool:
    return crew.deaths()[WORKER] >= times


def shown_wrong(arena: Arena) -> list[str]:
    """What is wrong with how `pipeline status` shows the worker."""
    status = json.loads(arena.pipeline("status", "--json").output)
    (worker,) = [one for one in status["workers"] if one["instance"] == WORKER]
    return [] if worker["ended"] >= DEATHS and "fault point" in worker["why"] else [f"{worker}"]


ROW = Row(3, "the fold raises, once and always", play)
