from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.stack.restarts import Policy
from cli.stack.supervisor import Process, State, Supervisor, Worker
from cli.stack.workers import WorkerSpec
from tests.cli.helpers import eventually, runs

FOR_EVER = "import signal; print('up', flush=True)\nwhile True: signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOR_EVER
REFUSING = "import sys; print('there is no topic'); sys.exit(3)"
FENCED = """
print('{"event": "stopped", "error": "name taken", "kind": "Fenced"}')
raise SystemExit(3)
"""
POLICY = Policy(first_pause=10, longest_pause=40, refused_pause=100, steady_after=1000)

Start = Callable[..., Supervisor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Makes a supervisor of workers with this source code; it is stopped after the test."""
    made: list[Supervisor] = []

    def start(*sources: str, **options: Any) -> Supervisor:
        specs = [
            WorkerSpec(
                instance=f"worker-{number}",
                stage="worker",
                argv=(sys.executable, "-c", source),
                environ={},
                log=tmp_path / "logs" / f"{number}.log",
                port=0,
            )
            for number, source in enumerate(sources)
        ]
        made.append(Supervisor(specs, POLICY, **options))
        return made[-1]

    yield start
    for supervisor in made:
        supervisor.stop(0.1)


def process_of(worker: Worker) -> Process:
    assert worker.process is not None
    return worker.process


def pid_of(worker: Worker) -> int:
    return process_of(worker).pid


def state_of(worker: Worker) -> State:
    return worker.state


def is_up(worker: Worker) -> bool:
    return "up" in worker.spec.log.read_text()


def test_the_first_tick_starts_all(start: Start) -> None:
    supervisor = start(FOR_EVER, FOR_EVER)
    supervisor.tick(0)
    assert [worker.state for worker in supervisor.workers] == [State.RUNNING, State.RUNNING]
    assert all(runs(pid_of(worker)) for worker in supervisor.workers)


def test_every_death_is_told_with_what_was_said_last(start: Start) -> None:
    told: list[tuple[int, str]] = []

    def buried(workers: Sequence[Worker]) -> None:
        told.extend((worker.history.deaths, worker.why) for worker in workers)

    supervisor = start(REFUSING, buried=buried)
    supervisor.tick(0)
    process_of(supervisor.workers[0]).wait()
    assert told == []
    supervisor.tick(1)
    supervisor.tick(2)
    assert told == [(1, "there is no topic")]


def test_a_worker_that_was_killed_waits_for_its_pause_and_runs_again(start: Start) -> None:
    supervisor = start(FOR_EVER)
    (worker,) = supervisor.workers
    supervisor.tick(0)
    first = pid_of(worker)
    process_of(worker).kill()
    assert eventually(lambda: supervisor.tick(5) == [worker])
    supervisor.tick(14.9)
    assert state_of(worker) is State.WAITING
    supervisor.tick(15)
    assert state_of(worker) is State.RUNNING
    assert pid_of(worker) != first


def test_the_others_go_on_when_one_dies(start: Start) -> None:
    supervisor = start(FOR_EVER, FOR_EVER)
    supervisor.tick(0)
    dying, other = supervisor.workers
    before = pid_of(other)
    process_of(dying).kill()
    assert eventually(lambda: supervisor.tick(1) == [dying])
    assert pid_of(other) == before


def test_a_worker_that_refuses_says_why_and_is_not_started_at_once(start: Start) -> None:
    supervisor = start(REFUSING)
    (worker,) = supervisor.workers
    supervisor.tick(0)
    assert eventually(lambda: supervisor.tick(1) == [worker])
    supervisor.tick(100)
    assert (worker.state, worker.why) == (State.REFUSED, "there is no topic")
    supervisor.tick(101)
    assert state_of(worker) is State.RUNNING


def test_a_worker_that_was_fenced_is_not_started_again(start: Start) -> None:
    supervisor = start(FENCED)
    (worker,) = supervisor.workers
    supervisor.tick(0)
    assert eventually(lambda: supervisor.tick(1) == [worker])
    supervisor.tick(1e9)
    assert (state_of(worker), worker.why) == (State.REFUSED, "stopped: name taken")


def test_a_worker_that_was_killed_says_by_what(start: Start) -> None:
    supervisor = start(FOR_EVER)
    (worker,) = supervisor.workers
    supervisor.tick(0)
    process_of(worker).kill()
    assert eventually(lambda: supervisor.tick(1) == [worker])
    assert worker.why == "killed by SIGKILL"


def test_a_worker_that_says_nothing_is_known_by_its_status(start: Start) -> None:
    supervisor = start("raise SystemExit(7)")
    (worker,) = supervisor.workers
    supervisor.tick(0)
    assert eventually(lambda: supervisor.tick(1) == [worker])
    assert worker.why == "ended with status 7"


def test_stopping_ends_all_of_them(start: Start) -> None:
    supervisor = start(FOR_EVER, FOR_EVER)
    supervisor.tick(0)
    pids = [pid_of(worker) for worker in supervisor.workers]
    assert supervisor.stop() == []
    assert not any(runs(pid) for pid in pids)
    assert [worker.state for worker in supervisor.workers] == [State.STOPPED, State.STOPPED]


def test_a_worker_that_does_not_listen_is_killed_after_the_deadline(start: Start) -> None:
    supervisor = start(STUBBORN)
    (worker,) = supervisor.workers
    supervisor.tick(0)
    assert eventually(lambda: is_up(worker))
    pid = pid_of(worker)
    assert supervisor.stop(0.2) == ["worker-0"]
    assert not runs(pid)


def test_a_worker_is_asked_by_sigterm_before_it_is_killed(start: Start) -> None:
    supervisor = start(FOR_EVER)
    (worker,) = supervisor.workers
    supervisor.tick(0)
    process = process_of(worker)
    supervisor.stop()
    assert process.returncode == -signal.SIGTERM
