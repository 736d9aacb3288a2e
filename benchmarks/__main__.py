"""Measures the stages side by side with the usual way: `python -m benchmarks [--quick]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.contender import ROOT, Contender, measure
from benchmarks.course import Figures
from benchmarks.filling import Facts, fill_naive, generate
from benchmarks.lab import Lab, lab
from benchmarks.machine import load, machine
from benchmarks.report import Report
from benchmarks.results import Round
from benchmarks.size import FULL, QUICK
from benchmarks.stages import STAGES, Stage
from embedded.cache import default_cache
from embedded.install import install
from embedded.stack import Stack
from pipeline.errors import PipelineError

RESULTS = ROOT / "benchmarks" / "results"
NAMES = [stage.name for stage in STAGES]
console = Console()


def main() -> int:
    """Measure, print and write. 0 once all is measured, whether or not a target is met."""
    options = _options()
    size = QUICK if options.quick else FULL
    size = replace(size, rounds=options.rounds or size.rounds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            software = install(default_cache(os.environ), console.print)
            with Stack(Path(name), software) as endpoints, lab(size, Path(name), endpoints) as made:
                chosen = [one for one in STAGES if one.name in (options.only or NAMES)]
                report = _measured(made, chosen)
    except PipelineError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    report.show(console)
    report.write(options.out or RESULTS / f"{'-'.join([size.name, *(options.only or ())])}.json")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="a stage; repeatable")
    parser.add_argument("--quick", action="store_true", help="fewer events, one round")
    parser.add_argument("--rounds", type=int, help="how many, instead of the size's own number")
    parser.add_argument("--out", type=Path, help="the result file, instead of benchmarks/results/")
    return parser.parse_args()


def _measured(made: Lab, chosen: Sequence[Stage]) -> Report:
    """Once through the chain to fill the topics and warm the broker; then round by round."""
    before, rounds = load(), made.size.rounds
    console.print(f"{made.size.events:,} events, {rounds} rounds; first once unmeasured ...")
    generate(made)
    for stage in STAGES:
        _run(made, stage.ours(made))
    facts = fill_naive(made)
    found: dict[str, list[Round]] = {stage.name: [] for stage in chosen}
    for number in range(1, rounds + 1):
        console.rule(f"round {number} of {rounds}")
        for stage in chosen:
            found[stage.name].append(_round(made, facts, stage))
    conditions = {
        "machine": machine(),
        "load_before": before,
        "partitions": made.partitions,
        "naive_model": f"scikit-learn {facts.model}",
        "naive_events": facts.naive_events,
    }
    return Report(made.size, conditions, found)


def _round(made: Lab, facts: Facts, stage: Stage) -> Round:
    ours = _run(made, stage.ours(made))
    naive = None if stage.naive is None else _run(made, stage.naive(made, facts))
    return Round(ours, naive, _run(made, stage.ours(made)))


def _run(made: Lab, contender: Contender) -> Figures:
    figures = measure(contender, made.directory / f"{contender.name}.log")
    console.print(
        f"{contender.name:18} {figures.rate:>10,.0f} records/s in {figures.seconds:5.1f} s, "
        f"{figures.cpu_rate:>10,.0f} per CPU second"
    )
    return figures


if __name__ == "__main__":
    sys.exit(main())
