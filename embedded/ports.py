"""Free TCP ports of the loopback interface."""

from __future__ import annotations

import random
import socket

from pipeline.errors import Refusal

HOST = "127.0.0.1"
# Like the cluster buses above them, below the ports that the kernel hands out for outgoing
# connections (32768 and up): nobody takes one of these between the look and the start.
PORTS = range(15_000, 22_700)
CLUSTER_BUS = 10_000  # how far above its own port a node of a Redis Cluster listens to the others


def free_port() -> int:
    """A port on which nothing listens now, and for which there is room for a cluster's bus."""
    for port in random.sample(PORTS, 200):
        if _is_free(port) and _is_free(port + CLUSTER_BUS):
            return port
    raise Refusal("No free port found on 127.0.0.1", "End what holds them and start again.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
