"""Processes that never outlive the one that started them.

`tethered()` starts a command through this file run as a script. The script asks the kernel to kill
the process when its parent dies (prctl PR_SET_PDEATHSIG), makes sure that the parent is still
there (it may have been killed before the question was asked) and becomes the command.

The signal is SIGKILL: it comes once, with nobody left to follow it up, so it has to be certain.
A graceful end could wait for ever for a server that is going away at the same moment. Every data
directory of ours survives a kill. An orderly stop is the living parent's work; what it has not
stopped, because an interrupt came between, it kills and waits for at its own end.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PR_SET_PDEATHSIG = 1
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_started: set[subprocess.Popen[bytes]] = set()


def tethered(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdout: IO[bytes] | int | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own (a terminal's Ctrl-C does not reach it), without input.

    Its errors go where its output goes, if that is given. Call it from the main thread: the kernel
    counts the death of the thread that started a process as the death of its parent.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("tethered() must be called from the main thread")
    launcher = [sys.executable, "-I", "-S", __file__, str(os.getpid()), "--"]
    with uninterrupted():
        process = subprocess.Popen(  # noqa: S603 - argv comes from our own code
            [*launcher, *argv],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=None if stdout is None else subprocess.STDOUT,
            cwd=cwd,
            start_new_session=True,
        )
        _started.difference_update([old for old in _started if old.returncode is not None])
        _started.add(process)
    return process


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let what an interrupt would raise wait until the block is over. Main thread only.

    The signals themselves are not blocked: another thread could take them all the same, and a
    child would inherit it.
    """
    came: list[int] = []
    handlers = {}
    try:
        for number in INTERRUPTS:
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, lambda number, _frame: came.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Where the block raises, kill what was started in it and still runs. Main thread only."""
    before = set(_started)
    try:
        yield
    except BaseException:
        _kill(_started - before)
        raise


@atexit.register
def _kill_all() -> None:
    _kill(_started)


def _kill(processes: set[subprocess.Popen[bytes]]) -> None:
    with uninterrupted():
        for process in processes:
            process.kill()
            process.wait()


def become(parent: int, argv: list[str]) -> NoReturn:
    """Replace this process by `argv`, tied to `parent`; exits with 1 if `parent` is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[2] != "--":  # noqa: PLR2004 - the usage line says it
        sys.exit("usage: python -m embedded.tether PARENT_PID -- COMMAND [ARGUMENT...]")
    become(int(sys.argv[1]), sys.argv[3:])
