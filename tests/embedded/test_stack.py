"""The stack runs under one directory, says where it is, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from embedded.runs import find_endpoints
from embedded.stack import Endpoints, Stack
from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from embedded.software import Software


def eventually(fact: Callable[[], bool], seconds: float = 90) -> bool:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def working_in(directory: Path) -> set[str]:
    """The ids of the processes whose working directory is below `directory`; no zombies."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink().is_relative_to(directory):
                found.add(link.parent.name)
        except OSError:  # it ended meanwhile, or is a zombie
            continue
    return found


@pytest.fixture
def command(tmp_path: Path, software: Software) -> Iterator[subprocess.Popen[str]]:
    """`python -m embedded` on `tmp_path/run`, with everything it needs already in the cache.

    As a script's `&` starts it: with SIGINT ignored.
    """
    assert software.redis_server.exists()
    shell = ["sh", "-c", 'trap "" INT; exec "$0" "$@"']
    argv = [*shell, sys.executable, "-m", "embedded", "--dir", str(tmp_path / "run")]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_its_process_ends_both_servers(
    command: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    assert eventually(lambda: find_endpoints(tmp_path) is not None)
    found = find_endpoints(tmp_path)
    assert found is not None
    assert found == Endpoints(found.kafka, found.redis, command.pid)
    assert len(working_in(tmp_path)) == 2
    command.send_signal(number)
    assert command.wait(60) == (-number if number == signal.SIGKILL else 0)
    assert eventually(lambda: not working_in(tmp_path))
    assert find_endpoints(tmp_path) is None


def test_the_death_of_one_server_ends_the_other_with_a_line_that_says_which(
    command: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert eventually(lambda: find_endpoints(tmp_path) is not None)
    (redis,) = working_in(tmp_path / "run" / "redis")
    os.kill(int(redis), signal.SIGKILL)
    said, _ = command.communicate(timeout=60)
    assert "Redis was killed by SIGKILL. If memory ran out" in said
    assert command.returncode == 1
    assert not working_in(tmp_path)


def test_an_interrupt_during_the_start_leaves_nothing(
    command: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert eventually(lambda: len(working_in(tmp_path)) > 1)
    command.send_signal(signal.SIGINT)
    assert command.wait(120) == 0
    assert not working_in(tmp_path)
    assert not (tmp_path / "run" / "endpoints.json").exists()


def test_a_directory_belongs_to_one_stack_at_a_time(
    command: subprocess.Popen[str], tmp_path: Path, software: Software
) -> None:
    assert eventually((tmp_path / "run" / "endpoints.json").exists)
    with (
        pytest.raises(Refusal, match="in use by a running stack"),
        Stack(tmp_path / "run", software),
    ):
        pass
    assert command.poll() is None


def test_endpoints_of_a_stack_that_was_killed_are_not_found(tmp_path: Path) -> None:
    run = tmp_path / "20260101-000000"
    run.mkdir()
    left = {"kafka": "127.0.0.1:1", "redis": "redis://127.0.0.1:2/0", "pid": os.getpid()}
    (run / "endpoints.json").write_text(json.dumps(left))
    assert find_endpoints(tmp_path) is None
