"""The network between the workers and Kafka, then Redis, stalls; later it breaks connections."""

from __future__ import annotations

from functools import partial

from embedded.ports import free_port
from tests.faults.arena import Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2, I3
from tests.faults.proxy import Proxy
from tests.faults.recovery import Worked, has_sent, recovers
from tests.faults.row import Row

STALLS = 12.0
"""Seconds: the session time-out is 10, that of a request to Redis 5."""
LIMIT = 30.0


def play(arena: Arena) -> Findings:
    resets, injected, seconds = arena.scale.pick(3, 2), 0, list[float]()
    detour, redis = arena.servers.detour, arena.servers.redis
    with (
        Proxy(detour.advertised, detour.port) as to_kafka,
        Proxy(free_port(), redis.port) as to_redis,
        arena.running(KAFKA=to_kafka.address, REDIS=redis.url_at(to_redis.address)) as crew,
    ):
        arena.settings_of_row.clear()  # the source and ourselves go the straight way
        with arena.load() as source:
            arena.until(partial(has_sent, source, 500), 30, "the source")
            for proxy in (to_kafka, to_redis):
                injected += stall(arena, proxy)
                seconds.append(until_well(arena))
                for _ in range(resets):
                    injected += proxy.reset() > 0
                    seconds.append(until_well(arena))
            recovered = arena.finish()
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=2 * (1 + resets),
            injected=injected,
            verdicts=(
                *arena.check(I1, I2, I3),
                recovered,
                arena.within("keeps up again", seconds, LIMIT),
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=max(seconds),
        )


def stall(arena: Arena, proxy: Proxy) -> bool:
    """Whether anything has had to wait."""
    held = proxy.held
    proxy.stall()
    arena.pass_time(STALLS)
    proxy.go_on()
    return proxy.held > held


def until_well(arena: Arena) -> float:
    worked = Worked.so_far(arena.crew)
    return arena.until(partial(recovers, arena, worked), 120, "keeping up again")


ROW = Row(11, "network stalls and breaks", play)
