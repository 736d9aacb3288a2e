"""How long an event is on its way: to features that can be read, and to its inference."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.contender import ROOT, module
from benchmarks.findings import Findings, Measure
from benchmarks.lab import Lab, wait
from benchmarks.percentiles import Cause, p50_p99, waited
from benchmarks.reading import records_by_partition
from benchmarks.search import highest
from benchmarks.site import Site
from benchmarks.steady import Works, works
from benchmarks.watcher import marks_in
from embedded.tether import tethered
from pipeline.origin import TIME_HEADER, header_in

STEADY = 2_000.0
_SHARE = 0.8
_WARM_SECONDS = 30  # a broker that has just started compiles itself meanwhile
_LOWEST, _HALVINGS = 4_000.0, 3
_FEATURE, _INFERENCE = "event to feature", "event to inference"
_TARGETS = {_FEATURE: (15.0, 40.0), _INFERENCE: (40.0, 100.0)}  # ms: p50, p99
_NO_TARGETS = (None, None)

Latencies = dict[str, tuple[float, float]]


def measure_latency(site: Site) -> Findings:
    """p50 and p99 at the steady rate, and at 80 % of the highest rate that is kept up with."""
    extent = site.size.extent
    with site.lab() as made, works(made, site.say) as running:
        steady = _latencies(running, STEADY, extent.steady_seconds)
        found = _measures(f"at {STEADY:,.0f} events/s", steady, _TARGETS)
        if extent.search_seconds:
            most = highest(partial(_holds, site, running), _LOWEST, _HALVINGS)
            found += (Measure("highest rate that is kept up with", "events/s", (most,)),)
            if most:
                near = _latencies(running, _SHARE * most, extent.search_seconds)
                found += _measures(f"at {_SHARE:.0%} of that", near, {})
    return Findings(measures=found)


def _holds(site: Site, running: Works, rate: float) -> bool:
    held = running.send(rate, site.size.extent.search_seconds)
    site.say(f"{rate:,.0f} events/s: {'kept up' if held else 'fell behind'}")
    return held


def _measures(
    when: str, found: Latencies, targets: dict[str, tuple[float, float]]
) -> tuple[Measure, ...]:
    return tuple(
        Measure(f"{way} {when}, {name}", "ms", (value,), target)
        for way, values in found.items()
        for name, value, target in zip(
            ("p50", "p99"), values, targets.get(way, _NO_TARGETS), strict=True
        )
    )


def _latencies(running: Works, rate: float, seconds: float) -> Latencies:
    """Of all events of the last `seconds`; the first ones, which find everything cold, are not."""
    made, marks = running.lab, running.lab.directory / "marks"
    running.send(rate, _WARM_SECONDS)
    topics = (made.topics.incoming, made.topics.inferences)
    starts = [made.ends(topic) for topic in topics]
    with _watching(made, marks):
        running.send(rate, seconds)
    events, inferences = (_since(made, *of) for of in zip(topics, starts, strict=True))
    return {
        _FEATURE: p50_p99(waited((event.cause for event in events), marks_in(marks))),
        _INFERENCE: p50_p99(np.asarray([one.at - one.cause.caused_at for one in inferences])),
    }


@contextmanager
def _watching(made: Lab, marks: Path) -> Iterator[None]:
    marks.unlink(missing_ok=True)
    argv = module("benchmarks.watcher", str(marks))
    process = tethered(argv, env=made.environ, stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        wait(marks.exists, "the watcher")
        yield
    finally:
        process.kill()
        process.wait()


class _Arrived(NamedTuple):
    """A record that was appended `at` (s since the epoch), and what it was caused by."""

    cause: Cause
    at: float


def _since(made: Lab, topic: str, starts: list[int]) -> list[_Arrived]:
    """The records from the given offsets on."""
    found = records_by_partition(made, topic, starts)
    return [_arrived(one) for records in found for one in records]


def _arrived(record: Any) -> _Arrived:
    caused_at = int(header_in(record.headers, TIME_HEADER) or b"") / 1e3
    return _Arrived(Cause(record.partition, record.offset, caused_at), record.timestamp / 1e3)
