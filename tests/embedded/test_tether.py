"""A tethered process never outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from embedded.tether import tethered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARENT = """
import signal, sys
from embedded.tether import tethered
print(tethered(["sleep", "1000"]).pid, flush=True)
signal.pause()
"""


def runs(pid: int) -> bool:
    """Whether the process exists and is not a zombie (nobody may be there to reap an orphan)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def eventually(fact: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = tethered(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()


def test_it_dies_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    with parent:
        child = int(parent.stdout.readline()) if parent.stdout else 0
        assert eventually(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
        parent.kill()
    assert eventually(lambda: not runs(child))


def test_it_does_not_start_when_its_parent_died_before_it_could_ask(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    gone = str(os.getppid())  # alive, but not the parent of the launcher
    command = [sys.executable, "-m", "embedded.tether", gone, "--", "touch", str(witness)]
    assert subprocess.run(command, check=False).returncode == 1
    assert not witness.exists()


def test_it_becomes_the_command_with_its_output_environment_and_directory(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        script = "pwd; echo $A; echo oops >&2; exit 7"
        env = {"A": "b", "PATH": os.environ["PATH"]}
        process = tethered(["sh", "-c", script], env=env, stdout=out, cwd=tmp_path)
    assert process.wait(10) == 7
    assert (tmp_path / "out").read_text() == f"{tmp_path}\nb\noops\n"


def test_the_ctrl_c_of_a_terminal_does_not_reach_it(sleeper: subprocess.Popen[bytes]) -> None:
    assert os.getpgid(sleeper.pid) == sleeper.pid
    assert os.getsid(sleeper.pid) == sleeper.pid


def test_it_is_the_command_itself_that_gets_its_signals(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.terminate()
    assert sleeper.wait(10) == -signal.SIGTERM


def test_a_thread_that_may_end_before_the_process_cannot_start_one() -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            tethered(["true"])
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(caught) == 1
