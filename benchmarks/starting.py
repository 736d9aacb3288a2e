"""How long `pipeline up` takes until all its workers are ready."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.contender import ROOT, Failed, module
from benchmarks.findings import Findings, Measure
from benchmarks.site import Site
from cli.runs import ROOT as RUNS
from cli.runs import read_note
from cli.stack.workers import kind_of
from cli.state.scrape import fetch
from embedded.runs import runs_of
from embedded.server import tail
from embedded.tether import tethered

_TARGET = 10.0
_LONGEST_SECONDS = 120.0
_EVERY_SECONDS = 0.05
_STOP_SECONDS = 60.0
_SHOWN_LINES = 15


def measure_start(site: Site) -> Findings:
    """Seconds from the command to ready workers, everything having been downloaded before."""
    seconds = tuple(_started() for _ in range(site.size.extent.starts))
    return Findings(measures=(Measure("pipeline up until all are ready", "s", seconds, _TARGET),))


def _started() -> float:
    """In an empty folder, so with a new Kafka and a new Redis."""
    with tempfile.TemporaryDirectory(prefix="bench-up-") as name:
        directory, log = Path(name), Path(name) / "up.log"
        began = time.monotonic()
        with log.open("wb") as out:
            process = tethered(module("cli", "up"), env=_environ(), stdout=out, cwd=directory)
        try:
            while not _all_ready(directory):
                if process.poll() is not None or time.monotonic() > began + _LONGEST_SECONDS:
                    raise Failed(f"`pipeline up` is not ready:\n{tail(log, _SHOWN_LINES)}")
                time.sleep(_EVERY_SECONDS)
            return time.monotonic() - began
        finally:
            _end(process)


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _all_ready(directory: Path) -> bool:
    run = next(iter(runs_of(directory / RUNS)), None)
    note = read_note(run.directory) if run else None
    return note is not None and all(
        fetch(port, kind_of(instance).ready) is not None for instance, port in note.workers.items()
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
