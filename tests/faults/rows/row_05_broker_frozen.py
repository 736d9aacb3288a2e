"""The broker stands still, with all its connections open, for longer than any session."""

from __future__ import annotations

from functools import partial

from tests.faults.arena import Arena
from tests.faults.findings import Findings
from tests.faults.invariants import I1, I2, I3, I4, I5, I6
from tests.faults.recovery import Worked, recovers
from tests.faults.row import Row

LIMIT = 30.0
SECONDS = 20.0


def play(arena: Arena) -> Findings:
    kafka = arena.servers.kafka
    with arena.running() as crew, arena.load(malformed=0.01) as source:
        arena.until(lambda: source.sent > 1_000, 60, "the source")
        kafka.freeze()
        worked, sent = Worked.so_far(crew), source.sent
        arena.pass_time(SECONDS)
        stood_still = source.sent - sent < SECONDS
        kafka.thaw()
        seconds = arena.until(partial(recovers, arena, worked), 120, "keeping up again")
        recovered = arena.finish()
        return Findings(
            wanted=1,
            injected=int(stood_still),
            verdicts=(
                *arena.check(I1, I2, I3, I4, I5, I6),
                recovered,
                arena.within("keeps up again", [seconds], LIMIT),
            ),
            recovery=seconds,
        )


ROW = Row(5, "the broker frozen", play)
