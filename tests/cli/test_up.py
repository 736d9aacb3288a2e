"""`pipeline up` as a process of its own, with an embedded Kafka and Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.runs import find, own_runs
from embedded.redis_binary import find_redis
from embedded.software import Software
from pipeline.exit_codes import ExitCode
from tests.cli.helpers import children, eventually, open_to_others, runs

ROOT = Path(__file__).parents[2]
ONLY_HANDLER = [
    word
    for stage in ("stream_features", "serving", "inference_logger", "compaction", "api")
    for word in ("--workers", f"{stage}=0")
]

Up = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def up(elsewhere: Path, software: Software) -> Iterator[Up]:  # noqa: ARG001 - installed beforehand
    """Starts `pipeline up` with an event handler only; what is left is killed after the test."""
    started: list[subprocess.Popen[bytes]] = []
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(*arguments: str, umask: int = -1) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cli", "up", *ONLY_HANDLER, *arguments]
        with (elsewhere / "output").open("ab") as output:
            process = subprocess.Popen(
                command, env=environ, cwd=elsewhere, stdout=output, stderr=output, umask=umask
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def child(process: subprocess.Popen[bytes], words: str) -> int | None:
    return next((pid for pid in children(process.pid) if words in command_line(pid)), None)


def is_ready(process: subprocess.Popen[bytes]) -> bool:
    """Whether all that was to be started runs: Kafka, Redis and the handler."""
    assert process.poll() is None, Path("output").read_text()
    return "event_handler: in 0, out 0, rejected 0, 0/s, lag 0, running" in output()


def output() -> str:
    return Path("output").read_text()


def pipeline(*arguments: str) -> str:
    command = [sys.executable, "-m", "cli", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, umask=0
    )
    return ended.stdout + ended.stderr


def test_ctrl_c_while_it_starts_leaves_no_process(up: Up) -> None:
    process = up()
    assert eventually(lambda: child(process, "kafka.Kafka") is not None)
    begun = children(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert not any(runs(pid) for pid in begun)


def test_its_own_death_leaves_no_process(up: Up) -> None:
    process = up()
    assert eventually(lambda: is_ready(process), 60)
    begun = children(process.pid)
    assert len(begun) == 3
    process.kill()
    process.wait()
    assert eventually(lambda: not any(runs(pid) for pid in begun))


def test_a_worker_that_was_killed_runs_again(up: Up) -> None:
    process = up()
    assert eventually(lambda: is_ready(process), 60)
    first = child(process, "-m event_handler")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: child(process, "-m event_handler") not in (None, first))
    assert eventually(lambda: "running, restarted once" in output(), 30)


def test_the_end_of_its_redis_ends_it_and_is_said(up: Up) -> None:
    process = up()
    assert eventually(lambda: is_ready(process), 60)
    server = child(process, find_redis().name)
    assert server is not None
    os.kill(server, signal.SIGKILL)
    assert process.wait(60) == ExitCode.REFUSED
    assert "pipeline: Redis was killed by SIGKILL. `pipeline up --run " in output()


@pytest.mark.slow
def test_only_its_own_user_may_read_what_a_run_writes(up: Up, elsewhere: Path) -> None:
    (elsewhere / "events").write_text("not json\n")
    process = up("--workers", "inference_logger=1", umask=0)
    assert eventually(lambda: is_ready(process), 60)
    (elsewhere / "people").write_text("user_id,email,time_zone,consent,self_excluded,harm\n")
    assert "1 records acknowledged" in pipeline("ingest", "events")
    assert "version" in pipeline("offers", "load", "people")
    files = elsewhere / ".pipeline"
    assert eventually(lambda: any(files.rglob("date=*/*.parquet")))
    names = {path.name for path in files.glob("*/*")}
    assert {"data", "kafka", "redis", "logs", "lookups"} <= names
    assert open_to_others(files) == []


def test_it_ends_when_asked_and_goes_on_where_it_was(up: Up, elsewhere: Path) -> None:
    process = up()
    assert eventually(lambda: is_ready(process), 60)
    (elsewhere / "events").write_text("not json\n")
    assert "1 records acknowledged" in pipeline("ingest", "events")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert find({}, elsewhere / ".pipeline").endpoints is None

    first = output()
    Path("output").write_text("")
    (run,) = own_runs(elsewhere / ".pipeline")
    assert f"Run {run.name} is empty" in first
    assert f"Stopped. `pipeline up --run {run.name}` goes on" in first
    process = up("--resume")
    assert eventually(lambda: is_ready(process), 60)
    assert f"Run {run.name} goes on with " in output()
    assert eventually(lambda: "not_json" in pipeline("rejected", "list"))


def test_beside_a_running_one_another_starts_only_by_a_name(up: Up, elsewhere: Path) -> None:
    process = up()
    assert eventually(lambda: is_ready(process), 60)
    assert "No event yet. Send some, in another terminal: pipeline generate" in output()
    (run,) = own_runs(elsewhere / ".pipeline")
    assert up().wait(30) == ExitCode.REFUSED
    assert f"run {run.name} under .pipeline runs already" in output()
    assert own_runs(elsewhere / ".pipeline")[1:] == []
    assert f"run {run.name}: Kafka " in pipeline("status")
    assert "is running. Stop it first" in pipeline("runs", "remove", run.name)
