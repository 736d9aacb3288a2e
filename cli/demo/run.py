"""The demo from beginning to end."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

import use_cases
from cli.console import say
from cli.stack.running import base
from pipeline.declaration import UseCase
from pipeline.settings import read_settings
from pipeline.world import WorldSize

_QUICK = {"PIPELINE_LOGGER_SECONDS": "1"}  # the demo waits for the last file of each phase
# Nobody but the demo asks its API: on any port that is free, and without a key.
_ALONE = {f"PIPELINE_HTTP_{name}": "" for name in ("HOST", "PORT", "KEYS")}


def run_demo(
    environ: Mapping[str, str],
    directory: Path,
    size: WorldSize,
    rate: float | None,
    console: Console,
) -> bool:
    """Run all of it; True when every check holds. Main thread only; raises PipelineError."""
    case = use_cases.load(read_settings(environ).use_case)
    with ThreadPoolExecutor(1) as aside:
        story = aside.submit(_story, case, size, rate, console)
        with base({**_QUICK, **environ, **_ALONE}, directory, partial(say, console)) as ready:
            holds: bool = story.result().play(ready)
    return holds


def _story(case: UseCase, size: WorldSize, rate: float | None, console: Console) -> Any:
    """What is to be played once Kafka is up; imported and prepared while it starts."""
    return import_module("cli.demo.story").Story.prepared(case, size, rate, console)
