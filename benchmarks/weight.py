"""How much of Redis's memory a user takes."""

from __future__ import annotations

import time
from statistics import fmean

from benchmarks.findings import Findings, Measure
from benchmarks.lab import Lab, wait
from benchmarks.population import TEMPLATES, copy, found_templates, state_keys
from benchmarks.site import Site
from benchmarks.visits import Scribe

_TARGET = 750.0
_SAMPLE = 1_000


def measure_weight(site: Site) -> Findings:
    """Bytes for each user: of its own key, and of all that Redis uses more than without users."""
    found: list[Measure] = []
    with site.lab() as made:
        scribe = Scribe(made.partitions, int(time.time() * 1e3))
        templates, there = found_templates(made, scribe), TEMPLATES
        empty = _used(made)
        for users in site.size.extent.weighed:
            copy(made, templates, range(there, users))
            there = users
            found += _weighed(made, users, (_used(made) - empty) / (users - TEMPLATES))
    return Findings(measures=tuple(found))


def _weighed(made: Lab, users: int, each: float) -> list[Measure]:
    sample = range(0, users, users // _SAMPLE)
    keys = [made.redis.memory_usage(key, samples=0) or 0 for key in state_keys(made, sample)]
    return [
        Measure(f"a user's key, of {users:,} users", "bytes", (fmean(keys),), _TARGET),
        Measure(f"Redis in all, for each of {users:,} users", "bytes", (each,), _TARGET),
    ]


def _used(made: Lab) -> int:
    """Bytes that the server has taken, its tables of keys among them, once its file is written."""
    wait(lambda: _file_is_written(made), "Redis to have written its file")
    return int(made.redis.info("memory")["used_memory"])


def _file_is_written(made: Lab) -> bool:
    """A rewrite of the append-only file keeps all changes in memory as long as it lasts."""
    found = made.redis.info("persistence")
    return not found["aof_rewrite_in_progress"] and not found["aof_rewrite_scheduled"]
