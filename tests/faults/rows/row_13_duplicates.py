"""The source sends one event in twenty twice; then the same log is folded again from its start."""

from __future__ import annotations

from functools import partial

from redis import Redis

from generator.disorder import Disorder
from tests.faults.arena import SEED, Arena
from tests.faults.findings import Findings, Verdict, fact
from tests.faults.invariants import I1, I2, I3
from tests.faults.row import Row

SHARE = 0.05
MISSED = 30
"""Erasing an entity forgets its last events; what then comes again of them counts."""


def play(arena: Arena) -> Findings:
    with arena.running() as crew, arena.load(changed=Disorder(SHARE, 0, SEED).of) as source:
        arena.finish()
        first, counted = arena.check(I1, I2, I3), dropped(arena)
        with Redis.from_url(arena.settings.redis.url) as client:
            client.flushall()
        arena.until(partial(folds_again, arena, counted), 30, "the log being folded again")
        recovered = arena.settle()
        alive = not any(crew.deaths().values())
        twice = source.sent - len(set(source.acknowledged))
        there = sum(folded.duplicates for folded in arena.evidence().folded.values())
        return Findings(
            wanted=twice - MISSED,
            injected=there,
            verdicts=(
                *first,
                *arena.check(I1, I2, I3),
                recovered,
                is_exact("counted as dropped", counted, there),
                is_exact("counted again", dropped(arena) - counted, there),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
        )


def dropped(arena: Arena) -> int:
    """How many events the feature stage says it has dropped as duplicates."""
    name, worker = "pipeline_records_total", "stream_features-1"
    return int(arena.crew.sum(name, worker, outcome="duplicate"))


def folds_again(arena: Arena, counted: int) -> bool:
    return dropped(arena) > counted


def is_exact(name: str, counted: int, there: int) -> Verdict:
    return fact(name, holds=counted == there, otherwise=f"{counted}, and there are {there}")


ROW = Row(13, "the source sends 5 % twice", play)
