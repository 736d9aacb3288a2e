"""A Redis Cluster: each of three masters is killed, and comes back without its last writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from embedded.ports import free_port
from embedded.redis import new_password, start_redis
from embedded.redis_cluster import form
from tests.faults.arena import Arena
from tests.faults.findings import Findings, fact
from tests.faults.invariants import I1, I2
from tests.faults.row import Row
from tests.faults.servers import RedisServer

MASTERS = 3
REWINDS = "pipeline_rewinds_total"


def play(arena: Arena) -> Findings:
    seconds: list[float] = []
    with (
        cluster(arena) as nodes,
        arena.running(REDIS=nodes[0].url, REDIS_CLUSTER="true") as crew,
        arena.load() as source,
    ):
        arena.until(lambda: source.sent > 500, 30, "the source")
        for number, node in enumerate(nodes):
            more = partial(have_rewound, arena, crew.sum(REWINDS, why="lower"))
            lose_last_writes(arena, node, number)
            seconds += arena.seconds_until(more, 30, "a rewind")
            arena.pass_time(arena.scale.pick(4.0, 1.0))
        recovered = arena.finish()
        alive = not any(crew.deaths().values())
        return Findings(
            wanted=MASTERS,
            injected=len(seconds),
            verdicts=(
                *arena.check(I1, I2),
                recovered,
                fact("no worker ended", holds=alive, otherwise=f"{crew.deaths()}"),
            ),
            recovery=max(seconds, default=None),
        )


@contextmanager
def cluster(arena: Arena) -> Iterator[Sequence[RedisServer]]:
    """Masters that share out all slots: each of them has a partition of ours."""
    with ExitStack() as undo:
        password = new_password()
        nodes = [master(arena, number, password) for number in range(MASTERS)]
        for node in nodes:
            undo.callback(node.stop)
        for node in nodes:
            node.server.wait_until_ready()
        form([node.server for node in nodes])
        yield nodes


def master(arena: Arena, number: int, password: str) -> RedisServer:
    home = arena.directory / f"node-{number}"
    begin = partial(
        start_redis,
        arena.servers.software.redis_server,
        home,
        home / "redis.log",
        port=free_port(),
        options={"cluster-enabled": "yes"},
        password=password,
    )
    return RedisServer(begin, home)


def lose_last_writes(arena: Arena, node: RedisServer, number: int) -> None:
    copy = arena.directory / f"copy-{number}"
    node.copy(copy)
    arena.pass_time(arena.scale.pick(2.0, 1.0))
    node.kill()
    node.put_back(copy)
    node.start()


def have_rewound(arena: Arena, before: float) -> bool:
    return arena.crew.sum(REWINDS, why="lower") > before


ROW = Row(23, "Redis Cluster: a master loses its last writes", play)
