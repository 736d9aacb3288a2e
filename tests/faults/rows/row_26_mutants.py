"""Builds in which one promise is broken: for each a named row or test must notice it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.faults import rows
from tests.faults.arena import Arena
from tests.faults.findings import Findings, Verdict
from tests.faults.mutants.build import make_build
from tests.faults.mutants.known import MUTANTS, ByRow, ByTest, Mutant
from tests.faults.row import Row
from tests.faults.runner import Result
from tests.faults.runner import play as play_row
from tests.faults.scale import SHORT

_TEST_SECONDS = 120.0


def play(arena: Arena) -> Findings:
    verdicts = []
    for number, mutant in enumerate(MUTANTS):
        home = arena.directory / f"mutant-{number}"
        make_build(home / "build", mutant.edits)
        missed = unnoticed(arena, mutant, home)
        verdicts.append(Verdict.of(f"{mutant.name}: {mutant.caught}", 1, missed))
    return Findings(wanted=len(MUTANTS), injected=len(verdicts), verdicts=tuple(verdicts))


def unnoticed(arena: Arena, mutant: Mutant, home: Path) -> list[str]:
    """Why the mutant was not noticed by whom it should have been; nothing if it was."""
    if isinstance(mutant.caught, ByRow):
        return passed_row(arena, mutant.caught, home)
    return passed_test(mutant.caught, home / "build")


def passed_row(arena: Arena, caught: ByRow, home: Path) -> list[str]:
    scale = replace(SHORT, patience=arena.scale.patience)
    name = f"{arena.name}-{home.name}"
    own = Arena(name, arena.servers, home / "row", scale, build=home / "build")
    result = play_row(rows.all_rows()[caught.number], own)
    arena.waits.append((f"{home.name}: {caught}", round(result.seconds, 2)))
    return [] if has_broken(result, caught.promise) else [f"{result.findings} {result.error}"]


def has_broken(result: Result, promise: str) -> bool:
    """Whether a row found just this promise broken; that it came to no end says nothing."""
    verdicts = result.findings.verdicts if result.findings else ()
    return any(one.name == promise and one.problems for one in verdicts)


def passed_test(caught: ByTest, build: Path) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", caught.node]
    done = subprocess.run(
        command,
        cwd=build,
        env={**os.environ, "PYTHONPATH": str(build)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TEST_SECONDS,
        check=False,
    )
    return [] if f"FAILED {caught.node}" in done.stdout else [done.stdout[-500:]]


ROW = Row(26, "mutants: what is broken is noticed", play)
