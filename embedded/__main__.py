"""`python -m embedded`: the stack until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from embedded.cache import default_cache
from embedded.install import install
from embedded.software import Software
from embedded.stack import ENDPOINTS, Stack, new_run
from pipeline.errors import PipelineError
from pipeline.settings import read_settings


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)  # noqa: T201 - the output of a command


def run(directory: Path, software: Software) -> None:
    """Run both servers until a signal raises KeyboardInterrupt. Raises Refusal if one ends."""
    stack = Stack(directory, software)
    with stack as endpoints:
        say(f"kafka {endpoints.kafka}\nredis {endpoints.redis_address}")
        say(f"{stack.directory / ENDPOINTS} has the password. Ctrl-C stops them.")
        while True:
            time.sleep(1)
            stack.check()


def main() -> int:
    """Run until a signal asks to stop; 0 then, 1 with one line if it could not start."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument("--dir", type=Path, help="run directory, used before or new")
    parser.add_argument("--install", action="store_true", help="download what it needs and end")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell's `&` ignores SIGINT
        signal.signal(number, signal.default_int_handler)
    try:
        os.umask(read_settings(os.environ).umask)
        software = install(default_cache(os.environ), say)
        if not options.install:
            run(options.dir or new_run(Path(".pipeline"), datetime.now(UTC)), software)
    except PipelineError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        pass  # the way it is meant to end
    return 0


if __name__ == "__main__":
    sys.exit(main())
