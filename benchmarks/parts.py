"""What is measured besides the stages' rounds, each part on servers of its own."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.findings import Findings
from benchmarks.latency import measure_latency
from benchmarks.site import Site

Part = Callable[[Site], Findings]

PARTS: dict[str, Part] = {"latency": measure_latency}
"""By name, in the order in which they are measured."""
