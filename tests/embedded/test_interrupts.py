"""An interrupt leaves no process behind, at whatever line of the start it comes."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from cli.stack import supervisor as supervising
from cli.stack.supervisor import Supervisor
from cli.stack.workers import WorkerSpec
from embedded import redis, server, stack, tether
from embedded.runs import find_endpoints
from embedded.server import run
from embedded.software import Software
from embedded.stack import Stack
from tests.cli.helpers import children

Step = tuple[str, int]
FOR_EVER = ("sleep", "1000")


def code_of(*modules: Any) -> set[str]:
    return {str(module.__file__) for module in modules}


class Stepper:
    """Calls `at` before each line of some files that is run for the first time."""

    def __init__(self, files: set[str], at: Callable[[Step], None]) -> None:
        self._files, self._at = files, at
        self._seen: set[Step] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> Any:
        step = (frame.f_code.co_filename, frame.f_lineno)
        if step[0] not in self._files or in_destructor(frame):
            return None
        if event == "line" and step not in self._seen:
            self._seen.add(step)
            self._at(step)
        return self

    @contextmanager
    def watching(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(before)


def in_destructor(frame: FrameType | None) -> bool:
    """Whether Python would swallow what is raised here."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def steps_of(action: Callable[[], None], files: set[str]) -> list[Step]:
    """The lines of these files that the action runs, in the order of their first time."""
    seen: list[Step] = []
    with Stepper(files, seen.append).watching():
        action()
    return seen


def interrupted(action: Callable[[], None], files: set[str], step: Step) -> bool:
    """Whether an interrupt before this line came out of the action as KeyboardInterrupt."""

    def at(seen: Step) -> None:
        if seen == step:
            signal.raise_signal(signal.SIGINT)

    try:
        with Stepper(files, at).watching():
            action()
    except KeyboardInterrupt:
        return True
    return False


def survives_every_step(action: Callable[[], None], files: set[str]) -> list[Step]:
    """The steps of an action after whose interrupt no process was left; all are tried."""
    with nothing_collected():
        before = set(children(os.getpid()))
        steps = steps_of(action, files)
        for step in steps:
            assert interrupted(action, files, step), step
            assert set(children(os.getpid())) == before, step
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, step
    return steps


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Reap what other tests left, and collect nothing more: an action runs the same lines again.

    subprocess polls a forgotten process when its object is collected, or at the next start.
    """
    gc.collect()
    subprocess._cleanup()  # type: ignore[attr-defined] # has no public name
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_no_process_is_left_at_whatever_line_of_its_start_an_interrupt_comes() -> None:
    def start() -> None:
        with tether.nothing_left():
            process = tether.tethered(FOR_EVER)
        sys.settrace(None)
        process.kill()
        process.wait()

    assert len(survives_every_step(start, code_of(tether, subprocess))) > 100


def test_a_command_that_is_waited_for_ends_with_an_interrupt(tmp_path: Path) -> None:
    def start() -> None:
        run(["true"], tmp_path / "log", tmp_path, 60)

    assert len(survives_every_step(start, code_of(tether, server))) > 20


def test_a_stack_leaves_nothing_at_whatever_line_of_its_start_an_interrupt_comes(
    software: Software, tmp_path: Path
) -> None:
    numbers = count()

    def start() -> None:
        run = tmp_path / str(next(numbers))  # each has no password yet
        with Stack(run, software, kafka="elsewhere:9092"):
            sys.settrace(None)

    steps = survives_every_step(start, code_of(tether, server, redis, stack))
    assert len(steps) > 80
    assert find_endpoints(tmp_path) is None


def test_a_supervisor_stops_all_workers_at_whatever_line_of_their_start_an_interrupt_comes(
    tmp_path: Path,
) -> None:
    spec = WorkerSpec("a-1", "a", FOR_EVER, os.environ, tmp_path / "log", 0)

    def start() -> None:
        supervisor = Supervisor([spec])
        try:
            supervisor.tick(0)
        finally:
            sys.settrace(None)  # a second interrupt, during the end, is another matter
            supervisor.stop()

    assert len(survives_every_step(start, code_of(tether, supervising, subprocess))) > 20


def test_what_was_not_stopped_ends_with_its_process() -> None:
    """Not a moment later, as the kernel would have it, but before."""
    script = "from embedded.tether import tethered; print(tethered(['sleep', '1000']).pid)"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    assert not Path(f"/proc/{int(child)}").exists()
