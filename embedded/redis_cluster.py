"""A Redis Cluster of a few masters without replicas, for tests."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from redis import Redis

from embedded.redis import new_password, start_redis
from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from embedded.server import Server

SLOTS = 16_384
FORM_SECONDS = 30.0


@contextmanager
def redis_cluster(binary: Path, directory: Path, masters: int = 3) -> Iterator[list[Server]]:
    """The running masters of a cluster that shares out all slots and takes writes.

    Needs a new directory. Blocks for about 3 s, until every node agrees.
    """
    with ExitStack() as undo:
        nodes, password = [], new_password()
        for number in range(masters):
            home = directory / f"node-{number}"
            options = {"cluster-enabled": "yes"}
            log = home / "redis.log"
            nodes.append(start_redis(binary, home, log, options=options, password=password))
            undo.callback(nodes[-1].stop)
        for node in nodes:
            node.wait_until_ready()
        form(nodes)
        yield nodes


def form(nodes: Sequence[Server]) -> None:
    """Share out the slots among empty nodes, introduce them, wait until each of them agrees."""
    first_host, first_port = nodes[0].address.split(":")
    bounds = [SLOTS * n // len(nodes) for n in range(len(nodes) + 1)]
    for number, server in enumerate(nodes):
        with _client(server) as node:
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            slots = range(bounds[number], bounds[number + 1])
            node.execute_command("CLUSTER ADDSLOTS", *slots)  # Redis 6 has no ADDSLOTSRANGE
            node.execute_command("CLUSTER MEET", first_host, first_port)
    deadline = time.monotonic() + FORM_SECONDS
    while not all(_agrees(server, len(nodes)) for server in nodes):
        if time.monotonic() > deadline:
            raise Refusal("The Redis Cluster did not form", "Its nodes' logs say why.")
        time.sleep(0.05)


def _agrees(server: Server, masters: int) -> bool:
    with _client(server) as node:
        info = node.execute_command("CLUSTER INFO")
    return (info["cluster_state"], int(info["cluster_size"])) == ("ok", masters)


def _client(server: Server) -> Redis:
    return Redis.from_url(server.url, decode_responses=True)
