"""One running server: its process, its address, its log."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from embedded.tether import nothing_left, tethered
from pipeline.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

START_SECONDS = 120.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started; `ready` says, without blocking for long, whether it answers.

    `url` is how a client connects where the address alone does not let it in: never to be shown.
    """

    name: str
    address: str
    log: Path
    process: subprocess.Popen[bytes]
    ready: Callable[[], bool] = field(repr=False)
    url: str = field(default="", repr=False)

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Block until it answers. Raises Refusal if it ends first or the time is up."""
        deadline = time.monotonic() + seconds
        while not self.ready():
            self.check()
            if time.monotonic() > deadline:
                raise self._refusal(f"{self.name} did not answer in {seconds:g} s")
            time.sleep(0.02)

    def check(self) -> None:
        """Raise Refusal if it ended although nobody stopped it."""
        status = self.process.poll()
        if status is None:
            return
        if status < 0:
            raise Refusal(
                f"{self.name} was killed by {signal.Signals(-status).name}",
                f"If memory ran out, the kernel did it: dmesg says so. Its log: {self.log}",
            )
        raise self._refusal(f"{self.name} ended with {status}")

    def terminate(self) -> None:
        """Ask it to stop; does not wait."""
        self.process.terminate()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask it to stop, wait for it, kill it if it takes longer than `seconds`."""
        self.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _refusal(self, problem: str) -> Refusal:
        return Refusal(problem, f"Its log says why: {self.log}\n{tail(self.log)}")


def launch(argv: Sequence[str], log: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start a tethered process in the directory `cwd` that appends what it prints to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return tethered(argv, stdout=out, cwd=cwd)


def run(argv: Sequence[str], log: Path, cwd: Path, seconds: float) -> int:
    """The exit status of a command that ends by itself; killed if it does not within `seconds`."""
    with nothing_left():
        process = launch(argv, log, cwd)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, cut to a readable width."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"  {line[:200]}" for line in text.splitlines()[-lines:])
