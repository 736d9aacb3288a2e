"""A stage's own entry point on a copy of the default case, with topics and keys of its own.

`python -m tests.support.worker_main STAGE NAME`
"""

from __future__ import annotations

import runpy
import sys

import use_cases
from tests.support.processes import case_of

if __name__ == "__main__":
    stage, own_name = sys.argv[1:]
    sys.argv = [stage]
    use_cases.load = lambda name: case_of(own_name)  # noqa: ARG005 - it stands for `load`
    runpy.run_module(stage, run_name="__main__")
