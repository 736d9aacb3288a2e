"""What is measured besides the stages' rounds, each part on servers of its own."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.findings import Findings
from benchmarks.http.contest import measure_http
from benchmarks.latency import measure_latency
from benchmarks.rivals import measure_peers
from benchmarks.rolling import measure_rolling
from benchmarks.scale import measure_scale
from benchmarks.site import Site
from benchmarks.starting import measure_start
from benchmarks.users import measure_users
from benchmarks.weight import measure_weight

Part = Callable[[Site], Findings]

PARTS: dict[str, Part] = {
    "users": measure_users,
    "rolling windows": measure_rolling,
    "latency": measure_latency,
    "scale": measure_scale,
    "memory": measure_weight,
    "start": measure_start,
    "peers": measure_peers,
    "http": measure_http,
}
"""By name, in the order in which they are measured."""

ASKED_FOR = frozenset({"peers", "http"})
"""Measured only where they are named: they need more than is installed."""
