"""A stage's own entry point on a copy of the default case, with topics and keys of its own.

`python -m tests.support.worker_main STAGE NAME`; its clock is PIPELINE_CLOCK_OFF seconds off.
"""

from __future__ import annotations

import os
import runpy
import sys
import time

import use_cases
from pipeline.clock import SystemClock
from tests.support.processes import case_of


def shift_clock(seconds: int) -> None:
    """Let this process be so far ahead of the time."""

    def now(_: SystemClock) -> int:
        return time.time_ns() // 1_000 + seconds * 1_000_000

    setattr(SystemClock, "now", now)  # noqa: B010 - a plain assignment to a method is none to mypy


if __name__ == "__main__":
    stage, own_name = sys.argv[1:]
    sys.argv = [stage]
    use_cases.load = lambda name: case_of(own_name)  # noqa: ARG005 - it stands for `load`
    shift_clock(int(os.environ.get("PIPELINE_CLOCK_OFF", "0")))
    runpy.run_module(stage, run_name="__main__")
