"""Is this worker alive, and is it ready? Served with the metrics over HTTP, from a thread.

Ready means that work goes on: a batch came to all its effects, or there was none, a moment ago;
and that reading is not paused until a person has looked.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from pipeline.clock import Clock
from pipeline.exit_codes import ExitCode
from pipeline.logs import log
from pipeline.settings import read_settings

_READY_SECONDS = 15.0
_LIVE_SECONDS = 300.0  # longer than a full batch of a slow model takes
_ASK_SECONDS = 2.0
_WATCH_SECONDS = 5.0
_LOOKS = 2


@dataclass(slots=True)
class Health:
    """When the loop last went round, and when work last came to its effects."""

    clock: Clock
    looped_at: float | None = None
    worked_at: float | None = None
    paused: bool = False
    """Whether the worker reads nothing until a person lets it go on."""
    orphaned: bool = False
    """Whether partitions of its topics are nobody's in its group."""
    waiting: bool = False
    """Whether partitions wait for something that the others do not need."""

    def looped(self) -> None:
        """The worker's loop has gone round."""
        self.looped_at = self.clock.monotonic()

    def worked(self) -> None:
        """All that was read has come to its effects."""
        self.looped_at = self.worked_at = self.clock.monotonic()

    def shared_out(self, whole: bool) -> None:  # noqa: FBT001 - what is told is just that
        """Each partition of the topics is some member's, or is not."""
        self.orphaned = not whole

    def waits(self, partitions: int) -> None:
        """So many partitions wait."""
        self.waiting = partitions > 0

    def live(self) -> bool:
        """False when the loop has stood still, and only a restart can help."""
        return self.looped_at is None or self._since(self.looped_at) < _LIVE_SECONDS

    def ready(self) -> bool:
        """True while work comes to its effects."""
        if self.paused or self.orphaned or self.waiting or self.worked_at is None:
            return False
        return self._since(self.worked_at) < _READY_SECONDS

    def _since(self, moment: float) -> float:
        return self.clock.monotonic() - moment


def serve(health: Health, host: str, port: int) -> int:
    """Serve /metrics, /live and /ready until the process ends; returns the port (0 picks one)."""
    server = make_server(host, port, _routes(health), _Server, _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
    return server.server_port


def end_if_dead(health: Health) -> None:
    """From a thread, end the process where its loop stands still: its supervisor starts another.

    Nothing is lost by it: the next one goes on from the marker.
    """
    ending = threading.Thread(target=watch, args=(health, _end, time.sleep), name="dead-man")
    ending.daemon = True
    ending.start()


def watch(health: Health, end: Callable[[], object], pause: Callable[[float], None]) -> None:
    """Call `end` once two looks in a row have found no life.

    One would not do: a process that was stopped and goes on is seen before its loop has gone round.
    """
    dead = 0
    while dead < _LOOKS:
        pause(_WATCH_SECONDS)
        dead = 0 if health.live() else dead + 1
    log.error("the loop has stood still; ending", seconds=_LIVE_SECONDS)
    end()


def _end() -> None:
    os._exit(ExitCode.FAILED)


def _routes(health: Health) -> Any:
    metrics = make_wsgi_app()
    checks: dict[str, Callable[[], bool]] = {"/live": health.live, "/ready": health.ready}

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        check = checks.get(environ["PATH_INFO"])
        if check is None:
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        well = check()
        start_response("200 OK" if well else "503 Service Unavailable", [])
        return [b"yes\n" if well else b"no\n"]

    return app


def main() -> None:
    """Ask the worker in this container if it is ready, or what is at `:PORT/PATH`: 0, else 1."""
    own = f":{read_settings(os.environ).metrics_port}/ready"
    place = sys.argv[1] if len(sys.argv) > 1 else own
    try:
        with urlopen(f"http://127.0.0.1{place}", timeout=_ASK_SECONDS):
            sys.exit(0)
    except OSError:
        sys.exit(1)


class _Server(WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Requests for metrics are not news."""
