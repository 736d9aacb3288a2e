"""Measures the stages side by side with the usual way: `python -m benchmarks [--quick]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.contender import ROOT
from benchmarks.findings import Findings
from benchmarks.machine import load, machine
from benchmarks.parts import ASKED_FOR, PARTS
from benchmarks.report import Report
from benchmarks.rounds import measure_stages
from benchmarks.site import Site
from benchmarks.size import FULL, QUICK
from benchmarks.stages import STAGES
from embedded.cache import default_cache
from embedded.install import install
from pipeline.errors import PipelineError

RESULTS = ROOT / "benchmarks" / "results"
_WIDTH = 120  # a table of ours where nobody watches
NAMES = (*(stage.name for stage in STAGES), *PARTS)
console = Console(width=max(Console().width, _WIDTH))


def main() -> int:
    """Measure, print and write. 0 once all is measured, whether or not a target is met."""
    options = _options()
    size = QUICK if options.quick else FULL
    size = replace(size, rounds=options.rounds or size.rounds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
        site = Site(size, install(default_cache(os.environ), say), say)
        names = options.only or [one for one in NAMES if one not in ASKED_FOR]
        out = options.out or RESULTS / f"{_file_name(size.name, options.only)}.json"
        for report in _measured(site, names):
            report.write(out)  # what is measured stays, whatever becomes of the rest
    except PipelineError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    report.show(console)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="repeatable")
    parser.add_argument("--quick", action="store_true", help="fewer events, one round")
    parser.add_argument("--rounds", type=int, help="how many, instead of the size's own number")
    parser.add_argument("--out", type=Path, help="the result file, instead of benchmarks/results/")
    return parser.parse_args()


def _file_name(size: str, only: Sequence[str] | None) -> str:
    return "-".join([size, *(only or ())]).replace(" ", "_")


def _measured(site: Site, names: Sequence[str]) -> Iterator[Report]:
    """All that is known once the stages among the names are measured, and after each part."""
    began, before = time.monotonic(), load()
    stages = measure_stages(site, [one for one in STAGES if one.name in names])
    parts: dict[str, Findings] = {}

    def so_far() -> Report:
        conditions = {
            "machine": machine(),
            "load_before": before,
            "minutes": _minutes(began),
            **stages.conditions,
        }
        return Report(site.size, conditions, stages.rounds, dict(parts))

    yield so_far()
    for name in (name for name in PARTS if name in names):
        site.say(f"Part {name}, after {_minutes(began)} minutes")
        parts[name] = PARTS[name](site)
        yield so_far()


def _minutes(began: float) -> float:
    return round((time.monotonic() - began) / 60, 1)


if __name__ == "__main__":
    sys.exit(main())
