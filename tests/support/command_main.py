"""The `pipeline` command on a copy of the default case, with topics and keys of its own.

`python -m tests.support.command_main NAME ARGUMENT...`
"""

from __future__ import annotations

import sys

import use_cases
from cli.__main__ import main
from tests.support.processes import case_of

if __name__ == "__main__":
    own_name = sys.argv.pop(1)
    use_cases.load = lambda name: case_of(own_name)  # noqa: ARG005 - it stands for `load`
    use_cases.check = lambda name: None  # noqa: ARG005 - it stands for `check`
    main()
