"""Redis is killed, and started again on the same files: up to a second of writes may be gone."""

from __future__ import annotations

from functools import partial

from tests.faults.arena import Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2
from tests.faults.recovery import Offsets, applied_offsets, are_beyond
from tests.faults.row import Row

LIMIT = 3.0


def play(arena: Arena) -> Findings:
    times = arena.scale.pick(5, 2)
    redis, seconds = arena.servers.redis, list[float]()
    with arena.running() as crew, arena.load() as source:
        arena.until(lambda: source.sent > 500, 30, "the source")
        for _ in range(times):
            before = applied_offsets(arena)
            redis.kill()
            redis.start()
            seconds.append(arena.until(partial(has_moved_on, arena, before), 60, "each marker"))
            arena.pass_time(arena.scale.pick(4.0, 1.0))
        recovered = arena.finish()
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=times,
            injected=len(seconds),
            verdicts=(
                *arena.check(I1, I2),
                recovered,
                arena.within("each marker moves on", seconds, LIMIT),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=max(seconds),
        )


def has_moved_on(arena: Arena, before: Offsets) -> bool:
    return are_beyond(applied_offsets(arena), before)


ROW = Row(6, "Redis killed", play)
