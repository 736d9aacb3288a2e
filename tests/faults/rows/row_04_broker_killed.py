"""The broker is killed, and comes back after a second, and after many."""

from __future__ import annotations

from functools import partial

from tests.faults.arena import Arena
from tests.faults.findings import Findings
from tests.faults.invariants import I1, I2, I3, I4, I5, I6
from tests.faults.recovery import Worked, has_sent, recovers
from tests.faults.row import Row

LIMIT = 30.0


def play(arena: Arena) -> Findings:
    kafka, seconds = arena.servers.kafka, list[float]()
    outages = arena.scale.pick((1.0, 15.0), (1.0, 5.0))
    with arena.running() as crew, arena.load(malformed=0.01) as source:
        for outage in outages:
            arena.until(partial(has_sent, source, source.sent + 500), 60, "the source")
            kafka.kill()
            worked = Worked.so_far(crew)
            arena.pass_time(outage)
            kafka.start()
            seconds.append(arena.until(partial(recovers, arena, worked), 120, "keeping up again"))
        recovered = arena.finish()
        return Findings(
            wanted=len(outages),
            injected=len(seconds),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5, I6),
                recovered,
                arena.within("keeps up again", seconds, LIMIT),
            ),
            recovery=max(seconds),
        )


ROW = Row(4, "the broker killed", play)
