"""Redis comes back older while nobody sends: no batch shows it, only a look at the markers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from cli.selfcheck.held import read_held
from pipeline.keys import FEATURES
from tests.faults.arena import PARTITIONS, Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2, I3
from tests.faults.recovery import has_sent
from tests.faults.row import Row

LIMIT = 2.0
REWINDS = "pipeline_rewinds_total"
MARKERS = 2 * PARTITIONS


def play(arena: Arena) -> Findings:
    times = arena.scale.pick(3, 2)
    copies = [arena.directory / f"copy-{number}" for number in range(times)]
    seconds = []
    with arena.running() as crew, arena.load() as source:
        for number, copy in enumerate(copies, 1):
            wanted = arena.scale.events * number // (times + 1)
            arena.until(partial(has_sent, source, wanted), 120, "the source")
            arena.servers.redis.copy(copy)
        arena.finish()
        user = min(name for _, name in read_held(arena.settings, FEATURES).entities)
        before = features_of(arena, user)
        for copy in copies:
            noticed = partial(have_rewound, arena, crew.sum(REWINDS, why="lower") + MARKERS)
            go_back(arena, copy)
            seconds.append(arena.until(noticed, 30, "a rewind of each partition"))
            recovered = arena.settle()
        after = features_of(arena, user)
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=times,
            injected=len(seconds),
            verdicts=(
                *arena.check(I1, I2, I3),
                recovered,
                arena.within("noticed", seconds, LIMIT),
                fact("features as before", holds=before == after, otherwise=f"{before}, {after}"),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=max(seconds),
        )


def have_rewound(arena: Arena, wanted: float) -> bool:
    return arena.crew.sum(REWINDS, why="lower") >= wanted


def go_back(arena: Arena, copy: Path) -> None:
    redis = arena.servers.redis
    redis.kill()
    redis.put_back(copy)
    redis.start()


def features_of(arena: Arena, user: str) -> object:
    """What the command line says of a user."""
    said = arena.pipeline("features", user, "--json")
    return json.loads(said.output)["features"] if said.status == 0 else said.output


ROW = Row(24, "Redis comes back older, nobody sends", play)
