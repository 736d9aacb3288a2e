"""Every worker is stopped in order and replaced, one after the other, round after round."""

from __future__ import annotations

import time
from functools import partial

from tests.faults.arena import Arena
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3, I4, I5
from tests.faults.recovery import Worked, has_sent
from tests.faults.row import Row

COUNTS = {"stream_features": 2}


def play(arena: Arena) -> Findings:
    rounds = arena.scale.pick(3, 1)
    statuses, seconds = list[int | None](), list[float]()
    with arena.running(COUNTS) as crew, arena.load(malformed=0.01) as source:
        arena.until(partial(has_sent, source, 500), 30, "the source")
        for instance in [*crew.workers] * rounds:
            began, worked = time.monotonic(), Worked.so_far(crew)
            statuses.append(crew.terminate(instance, 60))
            crew.tick()
            arena.until(partial(worked.goes_on, instance), 60, f"another {instance}")
            seconds.append(time.monotonic() - began)
        recovered = arena.finish()
        wrong = [f"exit status {status}" for status in statuses if status != 0]
        return Findings(
            wanted=rounds * len(crew.workers),
            injected=sum(crew.deaths().values()),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5),
                recovered,
                Verdict.of("exit 0", len(statuses), wrong),
                nothing_twice(arena),
            ),
            recovery=max(seconds),
        )


def nothing_twice(arena: Arena) -> Verdict:
    """A batch left half done is done again, and its outputs are there twice."""
    evidence = arena.evidence()
    topics = (evidence.incoming, evidence.serving, evidence.inferences)
    replays = {
        topic.name: len(topic) - sum(map(len, evidence.effective(topic).values()))
        for topic in topics
    }
    problems = [f"{name} holds {count} replays" for name, count in replays.items() if count]
    return Verdict.of("no batch half done", sum(map(len, topics)), problems)


ROW = Row(25, "rolling deploy", play)
