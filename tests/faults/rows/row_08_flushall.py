"""Redis is emptied while events come; later one marker alone is gone, its entities are not."""

from __future__ import annotations

from functools import partial

from redis import Redis

from cli.state.markers import KINDS
from pipeline.keys import Keys
from tests.faults.arena import Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2, I3
from tests.faults.recovery import Offsets, applied_offsets, are_beyond
from tests.faults.row import Row

TIMES_AS_FAST = 3
"""As events come, the log is to be folded again."""
FOLDING = "stream_features"


def play(arena: Arena) -> Findings:
    gone, seconds = 0, list[float]()
    with arena.running() as crew, arena.load() as source:
        half = arena.scale.events // 2
        arena.until(lambda: source.sent >= half, 120, "half of the events")
        before = applied_offsets(arena)
        folded = sum(offset for (stage, _), offset in before.items() if stage == FOLDING)
        flush(arena)
        there_again = partial(are_there, arena, before)
        rebuilt = arena.until(there_again, 120, "all that was there")
        for number, stage in enumerate(KINDS):
            before = applied_offsets(arena)
            gone += delete_marker(arena, stage, number)
            there_again = partial(are_there, arena, before)
            seconds.append(arena.until(there_again, 60, f"the marker of {stage}"))
        recovered = arena.finish()
        swept = arena.until(lambda: not left_behind(arena), 30, "the sweep of what was lost")
        limit = round(folded / arena.scale.rate / TIMES_AS_FAST, 1)
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=1 + len(KINDS),
            injected=1 + gone,
            verdicts=(
                *arena.check(I1, I2, I3),
                recovered,
                arena.within(f"{folded} events folded again", [rebuilt], limit),
                arena.within("nothing is left of older generations", [swept], 30),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=max(rebuilt, *seconds),
        )


def flush(arena: Arena) -> None:
    with Redis.from_url(arena.settings.redis.url) as client:
        client.flushall()


def delete_marker(arena: Arena, stage: str, number: int) -> int:
    """1 where it was there."""
    with Redis.from_url(arena.settings.redis.url) as client:
        return int(client.delete(Keys(arena.name, KINDS[stage]).marker(number)))


def left_behind(arena: Arena) -> int:
    """How many entities' keys are of a generation that is not live."""
    count = 0
    with Redis.from_url(arena.settings.redis.url, decode_responses=True) as client:
        for keys in (Keys(arena.name, kind) for kind in KINDS.values()):
            for key in client.scan_iter(match=keys.all_entities, count=1_000):
                place = keys.place_of(key)
                count += bool(
                    place and client.hget(keys.marker(place[0]), "generation") != place[1]
                )
    return count


def are_there(arena: Arena, before: Offsets) -> bool:
    return are_beyond(applied_offsets(arena), before)


ROW = Row(8, "FLUSHALL; one marker deleted", play)
