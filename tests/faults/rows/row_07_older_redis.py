"""Redis comes back older than it was: killed, and started again on an earlier copy of its file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.faults.arena import Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2
from tests.faults.row import Row

REWINDS = "pipeline_rewinds_total"


def play(arena: Arena) -> Findings:
    times = arena.scale.pick(6, 3)
    seconds: list[float] = []
    with arena.running() as crew, arena.load() as source:
        arena.until(lambda: source.sent > 500, 30, "the source")
        for number in range(times):
            more = partial(has_rewound, arena, crew.sum(REWINDS, why="lower"))
            go_back(arena, arena.directory / f"copy-{number}")
            seconds += arena.seconds_until(more, 5, "a rewind")
            arena.pass_time(arena.scale.pick(3.0, 1.0))
        recovered = arena.finish()
        rewinds = int(crew.sum(REWINDS, why="lower"))
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=times,
            injected=times,
            verdicts=(
                *arena.check(I1, I2),
                recovered,
                fact("rewinds counted", holds=len(seconds) == times, otherwise=f"{rewinds}"),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=max(seconds, default=None),
        )


def has_rewound(arena: Arena, before: float) -> bool:
    return arena.crew.sum(REWINDS, why="lower") > before


def go_back(arena: Arena, copy: Path) -> None:
    """Keep Redis's file, let the workers write on, and put it back."""
    redis = arena.servers.redis
    redis.copy(copy)
    arena.pass_time(arena.scale.pick(2.0, 1.0))
    redis.kill()
    redis.put_back(copy)
    redis.start()


ROW = Row(7, "Redis comes back older", play)
