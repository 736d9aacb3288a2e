"""Strangers at the API while it serves: silent connections, and heads without end."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from embedded.ports import HOST, free_port
from tests.faults.arena import Arena
from tests.faults.findings import Findings, Verdict, fact
from tests.faults.invariants import I1, I3
from tests.faults.memory import MOST_MIB, peak
from tests.faults.row import Row
from tests.serving.http import attacks
from tests.support.processes import running

SILENT = 1_000
ATTACK_SECONDS = 10.0
PATIENCE = 5.0
PREDICT = (
    b'{"tenure": 4, "usage": 22.5, "age": 34, "monthly_charges": 59.9, '
    b'"contract_type": "Month-to-month"}'
)
ASKED = (
    ("GET", "/v2/health/live", b""),
    ("GET", "/v2/health/ready", b""),
    ("POST", "/predict", PREDICT),
)


def play(arena: Arena) -> Findings:
    seconds = arena.scale.pick(ATTACK_SECONDS, 3.0)
    with arena.running(), api(arena) as (pid, port), arena.load() as source:
        arena.until(lambda: source.sent > 500, 30, "the source")
        arena.until(lambda: all(status(port, *one) == 200 for one in ASKED), 60, "the API")
        before = peak(pid)
        with silent(port) as opened, flooded(port, seconds) as flood:
            missed: list[str] = []
            asked = 0
            while flood.is_alive():
                for method, path, body in ASKED:
                    found = status(port, method, path, body)
                    asked += 1
                    missed += [f"{path}: {found}"] if found != 200 else []
                arena.pass_time(0.05)
        grown = peak(pid) - before
        recovered = arena.finish()
        memory = fact(
            "memory bounded", holds=grown <= MOST_MIB, otherwise=f"it grew by {grown} MiB"
        )
        answered = Verdict.of("health and requests answered", asked, missed)
        verdicts = (*arena.check(I1, I3), recovered, answered, memory)
        return Findings(wanted=SILENT, injected=opened, verdicts=verdicts)


@contextmanager
def api(arena: Arena) -> Iterator[tuple[int, int]]:
    """The API of the row's use case; its process and its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.command_main", arena.name]
    argv = [*command, "api", "--port", str(port)]
    log = arena.directory / "logs" / "api.log"
    with running(argv, {**os.environ, **arena.environ}, log) as worker:
        yield worker.process.pid, port


@contextmanager
def silent(port: int) -> Iterator[int]:
    """Connections that say nothing; how many were opened."""
    with ExitStack() as opened:
        for _ in range(SILENT):
            opened.enter_context(socket.create_connection((HOST, port), PATIENCE))
        yield SILENT


@contextmanager
def flooded(port: int, seconds: float) -> Iterator[threading.Thread]:
    """Heads without end, from several connections at once."""
    flood = threading.Thread(target=attacks.at_once(attacks.many_fields, 4), args=(port, seconds))
    flood.start()
    try:
        yield flood
    finally:
        flood.join()


def status(port: int, method: str, path: str, body: bytes) -> int:
    """Of the answer; 0 where there is none."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request(method, path, body or None)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


ROW = Row(31, "strangers at the API", play)
