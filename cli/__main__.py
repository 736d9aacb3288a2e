"""`python -m cli`, and the entry point of `pipeline`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from cli.app import app
from cli.interrupts import interrupt_on_every_end

_DEBUG = "--debug"
_CLIENTS = ("aiokafka", "kafka")
"""The loggers that tell of every attempt at a broker; a command says once what became of it."""


def main() -> None:
    """Run the command line; `--debug` and `--run NAME` may stand anywhere in it. Never returns."""
    interrupt_on_every_end()
    if _DEBUG not in sys.argv:
        for client in _CLIENTS:
            logging.getLogger(client).setLevel(logging.CRITICAL)
    app(root_options_first(sys.argv[1:]), prog_name="pipeline")


def root_options_first(words: Sequence[str]) -> list[str]:
    """The words, with the options of `pipeline` itself before the command."""
    first, rest = list[str](), list[str]()
    remaining = iter(words)
    for word in remaining:
        if word == "--":
            rest += [word, *remaining]
        elif word == "--run" and (name := next(remaining, None)) is not None:
            first += [word, name]
        else:
            (first if word == _DEBUG or word.startswith("--run=") else rest).append(word)
    return [*first, *rest]


if __name__ == "__main__":
    main()
