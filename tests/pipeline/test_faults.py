"""Fault points raise or end the process where a test asked for it, and only there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline.errors import Fatal, SettingsError
from pipeline.faults import FaultPoints


def passages_that_raise(faults: FaultPoints, point: str, passages: int = 4) -> list[int]:
    raised = []
    for passage in range(1, passages + 1):
        try:
            faults.hit(point)
        except Fatal:
            raised.append(passage)
    return raised


def test_without_faults_nothing_happens() -> None:
    assert passages_that_raise(FaultPoints(), "after-write") == []


def test_a_point_raises_at_every_passage() -> None:
    assert passages_that_raise(FaultPoints.parse("after-write=raise"), "after-write") == [
        1,
        2,
        3,
        4,
    ]


def test_a_point_raises_at_the_passage_asked_for() -> None:
    assert passages_that_raise(FaultPoints.parse("after-write=raise:3"), "after-write") == [3]


def test_points_are_independent() -> None:
    faults = FaultPoints.parse("before-outputs=raise:1, after-write=raise:2")
    assert passages_that_raise(faults, "after-write") == [2]
    assert passages_that_raise(faults, "before-outputs") == [1]
    assert passages_that_raise(faults, "after-outputs") == []


def test_exit_ends_the_process_like_kill_9() -> None:
    script = (
        "from pipeline.faults import FaultPoints\n"
        "try:\n    FaultPoints.parse('p=exit').hit('p')\nfinally:\n    print('cleaned up')\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (137, b"")


def test_stop_stops_the_process_until_it_may_go_on() -> None:
    script = "from pipeline.faults import FaultPoints\nFaultPoints.parse('p=stop').hit('p')\n"
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 0
    finally:
        process.kill()


def test_slow_takes_its_time_for_each_passage() -> None:
    began = time.monotonic()
    FaultPoints.parse("p=slow:5").hit("p", 4)
    assert time.monotonic() - began >= 0.02


@pytest.mark.parametrize(
    "text", ["p", "p=", "=raise", "p=halt", "p=raise:x", "p=raise,q", "p=slow", "=slow:5"]
)
def test_a_wrong_list_is_refused_and_names_its_variable(text: str) -> None:
    with pytest.raises(SettingsError, match="PIPELINE_FAULTS"):
        FaultPoints.parse(text)
