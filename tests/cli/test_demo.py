"""`pipeline demo` as a newcomer runs it, on a small world, and the commands that it names."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded.software import Software
from tests.cli.helpers import children, eventually, runs

ROOT = Path(__file__).parents[2]
SMALL = ("--users", "20", "--events", "30")


def environment(**more: str) -> dict[str, str]:
    """This process's, without what it says of a pipeline."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
    cache = {name: os.environ[name] for name in ("PIPELINE_CACHE",) if name in os.environ}
    return {**kept, **cache, "PYTHONPATH": str(ROOT), **more}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Command lines, run in one directory."""

    directory: Path

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
        """The status and the output of a command."""
        ended = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.directory,
            env=environ or environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr

    @contextmanager
    def started(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A command that runs for as long as the block; what it prints is in `output`."""
        with (self.directory / "output").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", *arguments],
                cwd=self.directory,
                env=environ or environment(),
                stdout=output,
                stderr=output,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def said(self, words: str) -> bool:
        """Whether the started command has printed this."""
        return words in (self.directory / "output").read_text()


@pytest.fixture(scope="module")
def demo(software: Software, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, int, str]:  # noqa: ARG001 - installed beforehand
    """A demo that has ended: where it ran, its status, what it printed."""
    pipeline = Pipeline(tmp_path_factory.mktemp("demo"))
    status, output = pipeline.run("demo", *SMALL)
    return pipeline, status, output


def test_a_demo_keeps_every_promise(demo: tuple[Pipeline, int, str]) -> None:
    _, status, output = demo
    assert status == 0, output


def test_it_asks_the_api_for_three_users_and_the_log_agrees(
    demo: tuple[Pipeline, int, str],
) -> None:
    _, _, output = demo
    assert re.search(r"the API's answers are the log's +3 users +0", output), output


def test_its_try_next_commands_work_afterwards(demo: tuple[Pipeline, int, str]) -> None:
    pipeline, _, output = demo
    commands = re.findall(r"^\.venv/bin/pipeline (.+)$", output, re.MULTILINE)
    assert commands[0] == "up --resume"
    assert [command.split()[0] for command in commands[1:]] == ["features", "tail"]
    with pipeline.started("up", "--resume"):
        assert eventually(lambda: pipeline.said("inference_logger"), 60)
        for command in commands[1:]:
            status, answer = pipeline.run(*command.split())
            assert (status, bool(answer.strip())) == (0, True), command


def test_ctrl_c_in_the_middle_leaves_no_process(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path)
    with pipeline.started("demo", "--users", "2000", "--rate", "100") as process:
        assert eventually(lambda: pipeline.said("generated"), 60)
        begun = children(process.pid)
        assert len(begun) == 7
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert not any(runs(pid) for pid in begun)


@pytest.mark.slow
def test_a_demo_of_rolling_windows_keeps_every_promise(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path)
    environ = environment(PIPELINE_USE_CASE="player_activity")
    status, output = pipeline.run("demo", *SMALL, environ=environ)
    assert status == 0, output
    assert "no model, no inferences" in output
    (features,) = re.findall(r"^\.venv/bin/pipeline (features .+)$", output, re.MULTILINE)
    with pipeline.started("up", "--resume"):
        assert eventually(lambda: pipeline.said("inference_logger"), 60)
        status, answer = pipeline.run(*features.split())
    assert (status, "bet_7d_count" in answer) == (0, True), answer


@pytest.mark.slow
def test_a_worker_that_keeps_dying_ends_it_with_a_reason(tmp_path: Path) -> None:
    environ = environment(PIPELINE_FAULTS="before-outputs=exit")
    status, output = Pipeline(tmp_path).run("demo", *SMALL, environ=environ)
    assert status == 1
    assert "keeps dying" in output
