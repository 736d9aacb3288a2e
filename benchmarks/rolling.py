"""What rolling windows cost: `stream_features` on player activity, beside the default case."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from operator import truediv
from statistics import fmean

from benchmarks.course import Figures
from benchmarks.filling import generate
from benchmarks.findings import Findings, Measure
from benchmarks.lab import CASE, Lab
from benchmarks.results import Ratio
from benchmarks.rounds import run
from benchmarks.site import Site
from benchmarks.stages import event_handler, stream_features
from pipeline.keys import FEATURES, Keys

_ROLLING = "player_activity"
_SAMPLE = 500


def measure_rolling(site: Site) -> Findings:
    """Its rates over the default case's, on as many events, and what a user takes in Redis."""
    with site.labs(CASE, _ROLLING) as labs:
        for made in labs:
            generate(made)
            run(site, made, event_handler(made))
        rounds = [[_folded(site, made) for made in labs] for _ in range(site.size.rounds)]
        weights = [_bytes_a_user(made) for made in labs]
    names = [f"stream_features, {made.case.name}" for made in labs]
    rates = [tuple(one.rate for one in found) for found in zip(*rounds, strict=True)]
    per_cpu = [tuple(one.cpu_rate for one in found) for found in zip(*rounds, strict=True)]
    default, rolling = names
    return Findings(
        (
            Ratio(rolling, default, "rate", tuple(map(truediv, rates[1], rates[0]))),
            Ratio(rolling, default, "cpu_rate", tuple(map(truediv, per_cpu[1], per_cpu[0]))),
        ),
        (
            *(Measure(name, "records/s", one) for name, one in zip(names, rates, strict=True)),
            *(
                Measure(f"a user's key, {made.case.name}", "bytes", (weight,))
                for made, weight in zip(labs, weights, strict=True)
            ),
        ),
    )


def _folded(site: Site, made: Lab) -> Figures:
    name = f"stream_features, {made.case.name}"
    return run(site, made, replace(stream_features(made), name=name))


def _bytes_a_user(made: Lab) -> float:
    pattern = Keys(made.case.name, FEATURES).all_entities
    keys = islice(made.redis.scan_iter(pattern, count=_SAMPLE), _SAMPLE)
    return fmean(made.redis.memory_usage(key, samples=0) or 0 for key in keys)
