"""A Redis Cluster of a few masters without replicas, for tests."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from redis import Redis

from embedded.redis import start_redis
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
        nodes = []
        for number in range(masters):
            home = directory / f"node-{number}"
            options = {"cluster-enabled": "yes"}
            nodes.append(start_redis(binary, home, home / "redis.log", options=options))
            undo.callback(nodes[-1].stop)
        for node in nodes:
            node.wait_until_ready()
        form([node.address for node in nodes])
        yield nodes


def form(addresses: Sequence[str]) -> None:
    """Share out the slots among empty nodes, introduce them, wait until each of them agrees."""
    first_host, first_port = addresses[0].split(":")
    bounds = [SLOTS * n // len(addresses) for n in range(len(addresses) + 1)]
    for number, address in enumerate(addresses):
        with _client(address) as node:
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            slots = range(bounds[number], bounds[number + 1])
            node.execute_command("CLUSTER ADDSLOTS", *slots)  # Redis 6 has no ADDSLOTSRANGE
            node.execute_command("CLUSTER MEET", first_host, first_port)
    deadline = time.monotonic() + FORM_SECONDS
    while not all(_agrees(address, len(addresses)) for address in addresses):
        if time.monotonic() > deadline:
            raise Refusal("The Redis Cluster did not form", "Its nodes' logs say why.")
        time.sleep(0.05)


def _agrees(address: str, masters: int) -> bool:
    with _client(address) as node:
        info = node.execute_command("CLUSTER INFO")
    return (info["cluster_state"], int(info["cluster_size"])) == ("ok", masters)


def _client(address: str) -> Redis:
    return Redis.from_url(f"redis://{address}/0", decode_responses=True)
