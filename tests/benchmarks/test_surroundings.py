from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.checks import check_same_features
from benchmarks.contender import ROOT, Failed
from benchmarks.machine import machine
from benchmarks.process import cpu_seconds, resident_bytes
from benchmarks.results import LIMIT
from benchmarks.size import FULL, QUICK
from benchmarks.stages import STAGES
from pipeline.topics import STAGES as WORKERS


def test_the_command_explains_itself_without_starting_anything() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "--quick" in ran.stdout


def test_the_full_size_is_what_the_targets_speak_of() -> None:
    assert (FULL.events, FULL.folded_by_naive * 100) == (300_000, 15_000)
    assert FULL.rounds >= 3 > QUICK.rounds


def test_every_worker_but_the_generator_is_measured_and_the_limit() -> None:
    names = {stage.name for stage in STAGES}

    assert names == {*WORKERS, LIMIT}


def test_the_machine_is_described_without_its_name_or_a_path() -> None:
    described = machine().values()

    assert platform.python_version() in described
    assert platform.node() not in described
    assert not any(str(Path.home()) in value for value in described)


def test_processor_time_and_memory_are_those_of_the_process() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) == before:
        sum(range(100_000))

    assert resident_bytes(os.getpid()) > 2**20


def test_features_that_differ_are_named() -> None:
    with pytest.raises(Failed, match=r"bet_sum of u1 is 2\.0, not 1\.0"):
        check_same_features({"u1": {"bet_sum": 2.0}}, {"u1": {"bet_sum": 1.0}})


def test_no_features_at_all_are_not_the_same_features() -> None:
    with pytest.raises(Failed):
        check_same_features({}, {"u1": {"bet_sum": 1.0}})
