"""`python -m cli`, and the entry point of `pipeline`."""

from __future__ import annotations

import sys

from cli.app import app
from cli.interrupts import interrupt_on_every_end

_DEBUG = "--debug"


def main() -> None:
    """Run the command line; `--debug` may stand anywhere in it. Does not return."""
    arguments = sys.argv[1:]
    rest = [word for word in arguments if word != _DEBUG]
    interrupt_on_every_end()
    app(rest if rest == arguments else [_DEBUG, *rest], prog_name="pipeline")


if __name__ == "__main__":
    main()
