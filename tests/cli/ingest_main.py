"""`pipeline ingest` in small transactions, on a case of a test's own: `ingest_main NAME FILE`."""

from __future__ import annotations

import sys

import use_cases
from cli.__main__ import main
from cli.records import pieces
from tests.support.processes import case_of

if __name__ == "__main__":
    own_name, file = sys.argv[1:]
    sys.argv[1:] = ["ingest", file]
    use_cases.load = lambda name: case_of(own_name)  # noqa: ARG005 - it stands for `load`
    use_cases.check = lambda name: None  # noqa: ARG005 - it stands for `check`
    pieces.PIECE_BYTES = 1_000
    main()
