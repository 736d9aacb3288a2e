"""Every way to ask a command to end is Ctrl-C to it, so one clean-up serves them all."""

from __future__ import annotations

import signal


def interrupt_on_every_end() -> None:
    """SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does, also when started with `&`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
