"""Every worker is killed once in the middle of a demo, and every number is right all the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from embedded.software import Software
from pipeline.topics import STAGES
from tests.cli.helpers import children, eventually
from tests.cli.test_demo import Pipeline

RUN = ("--users", "40", "--events", "100", "--rate", "250")  # 16 s of events


def worker(parent: int, stage: str) -> int | None:
    """The process that runs a stage, if it runs."""
    for pid in children(parent):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if stage.encode() in words and b"-m" in words and b"embedded.tether" not in words:
            return pid
    return None


def kill_and_see_it_come_back(parent: int, stage: str) -> None:
    assert eventually(lambda: worker(parent, stage) is not None, 30)
    victim = worker(parent, stage)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: worker(parent, stage) not in (None, victim), 30)


@pytest.mark.timeout(300)
def test_a_kill_of_each_worker_changes_no_number(software: Software, tmp_path: Path) -> None:  # noqa: ARG001 - installed beforehand
    pipeline = Pipeline(tmp_path)
    with pipeline.started("demo", *RUN) as demo:
        assert eventually(lambda: pipeline.said("folded"), 120)
        for stage in STAGES:
            kill_and_see_it_come_back(demo.pid, stage)
        status = demo.wait(240)
    assert status == 0, (tmp_path / "output").read_text()
