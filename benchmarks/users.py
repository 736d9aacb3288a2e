"""`stream_features` where there are many users, and where some come much more often than others."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from operator import truediv

import numpy as np

from benchmarks.findings import Findings, Measure
from benchmarks.lab import Lab
from benchmarks.population import TEMPLATES, copy, folding, found_templates
from benchmarks.results import Ratio
from benchmarks.rounds import run
from benchmarks.site import Site
from benchmarks.visits import Scribe, Users, heavy_tailed, twice

_FEW = 3_000
_SEED = 11

Choice = Callable[[int], Users]
"""Who comes, visit by visit, in the round of a number."""


def measure_users(site: Site) -> Findings:
    """Its rate with many users, and with heavy-tailed ones, over that with few."""
    extent = site.size.extent
    choices = _choices(extent.many, extent.visited)
    with site.lab() as made:
        scribe = Scribe(made.partitions, int(time.time() * 1e3))
        copy(made, found_templates(made, scribe), range(TEMPLATES, extent.many))
        rates = [_round(site, made, scribe, choices, one) for one in range(site.size.rounds)]
    by_name = {name: tuple(one[name] for one in rates) for name in choices}
    few = next(iter(choices))
    return Findings(
        tuple(
            Ratio(name, few, "rate", tuple(map(truediv, by_name[name], by_name[few])))
            for name in choices
            if name != few
        ),
        tuple(
            measure
            for name, choose in choices.items()
            for measure in (
                Measure(name, "records/s", by_name[name]),
                Measure(f"{name}: events whose user is not in memory", "%", (_missed(choose(0)),)),
            )
        ),
    )


def _choices(many: int, visited: int) -> dict[str, Choice]:
    """Twice `visited` visits each; the first choice is what the others are compared with."""
    order = np.random.default_rng(_SEED).permutation(many)

    def few(number: int) -> Users:
        return np.random.default_rng([_SEED, number]).integers(0, _FEW, 2 * visited)

    def each(number: int) -> Users:
        return twice(order[np.arange(number * visited, (number + 1) * visited) % many])

    def some_more(number: int) -> Users:
        return heavy_tailed(many, 2 * visited, _SEED + number)

    return {
        f"stream_features, {_FEW:,} users": few,
        f"stream_features, {many:,} users": each,
        f"stream_features, {many:,} heavy-tailed users": some_more,
    }


def _round(
    site: Site, made: Lab, scribe: Scribe, choices: Mapping[str, Choice], number: int
) -> dict[str, float]:
    return {
        name: run(site, made, folding(made, name, scribe.visits(choose(number)))).rate
        for name, choose in choices.items()
    }


def _missed(users: Users) -> float:
    """Of a worker that begins with nothing in memory, and keeps all that come."""
    return 100 * len(np.unique(users)) / len(users)
