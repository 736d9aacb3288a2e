"""The same log is folded again by workers whose clock is an hour off, the one way and the other."""

from __future__ import annotations

import time
from functools import partial

from redis import Redis

from cli.selfcheck.held import Held, read_held
from pipeline.keys import FEATURES, SCORES
from pipeline.times import parse_time
from tests.faults.arena import Arena
from tests.faults.findings import Findings, Verdict
from tests.faults.invariants import I1, I2, I3
from tests.faults.row import Row

HOUR = 3_600
WORKERS = ("stream_features-1", "serving-1")
OF_THE_MOMENT = b"scored_at"


def play(arena: Arena) -> Findings:
    shifts, seconds, problems = (HOUR, -HOUR), list[float](), list[str]()
    checked = shifted = 0
    with arena.running() as crew, arena.load():
        arena.finish()
        first = read_held(arena.settings, FEATURES), read_held(arena.settings, SCORES)
        for shift in shifts:
            for worker in WORKERS:
                crew.set(worker, CLOCK_OFF=str(shift))
                crew.kill(worker)
            flush(arena)
            for worker in WORKERS:
                arena.until(partial(crew.is_consuming, worker), 60, f"{worker} folding again")
            recovered = arena.settle()
            seconds.append(arena.waits[-1][1])
            now = read_held(arena.settings, FEATURES), read_held(arena.settings, SCORES)
            shifted += are_shifted(now[1], shift)
            checked += sum(len(held.entities) for held in now)
            problems += [
                line
                for before, after in zip(first, now, strict=True)
                for line in differences(before, after)
            ]
        return Findings(
            wanted=len(shifts),
            injected=shifted,
            verdicts=(
                *arena.check(I1, I2, I3),
                recovered,
                Verdict.of("equal bits", checked, problems),
            ),
            recovery=max(seconds),
        )


def flush(arena: Arena) -> None:
    with Redis.from_url(arena.settings.redis.url) as client:
        client.flushall()


def are_shifted(scores: Held, shift: int) -> bool:
    """Whether the clock that scored was so far off."""
    off = time.time() + shift
    moments = [parse_time(one[OF_THE_MOMENT].decode()) / 1e6 for one in scores.entities.values()]
    return bool(moments) and all(abs(moment - off) < HOUR / 2 for moment in moments)


def differences(before: Held, after: Held) -> list[str]:
    """Where two states differ in a bit; when an inference was made is its own affair."""
    places = before.entities.keys() | after.entities.keys()
    return [
        f"{place}: {before.entities.get(place)}, then {after.entities.get(place)}"
        for place in sorted(places)
        if lasting(before, place) != lasting(after, place)
    ]


def lasting(held: Held, place: tuple[int, str]) -> dict[bytes, bytes]:
    values = held.entities.get(place, {})
    return {name: value for name, value in values.items() if name != OF_THE_MOMENT}


ROW = Row(22, "the same log, the clock an hour off", play)
