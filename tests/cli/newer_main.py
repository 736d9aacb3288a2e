"""A worker or the `pipeline` command on a copy of the default case that has gained an aggregation.

`python -m tests.cli.newer_main NAME PROGRAM ARGUMENT...`
"""

from __future__ import annotations

import runpy
import sys

import use_cases
from cli.__main__ import main
from tests.rebuild.newer import PAID, SPENT, with_more
from tests.support.processes import case_of

if __name__ == "__main__":
    own_name, *sys.argv = sys.argv[1:]
    use_cases.load = lambda name: with_more(SPENT, PAID, case=case_of(own_name))  # noqa: ARG005 - it stands for `load`
    if sys.argv[0] == "pipeline":
        main()
    else:
        runpy.run_module(sys.argv[0], run_name="__main__")
